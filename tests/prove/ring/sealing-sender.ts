import {
  allocateFrameBuffer,
  copyAligned,
  FLAG,
  type FrameBuffer,
  FrameHeader,
  HEADER_BYTES,
  OK,
  type PeerTransport,
  readFrameHeader,
  type Sender,
  SenderBase,
  sealChecksum,
  type TransportPlugin,
  WHOLE,
} from '@busbar/core/contract';

const CHECKSUM_BYTES = 8;
const FLAGS_OFFSET = 7;
const HEADER_LENGTH_OFFSET = 14;

/** A frame where the receiver reads it. */
export interface SealedFrame {
  readonly memory: FrameBuffer;
  readonly offset: number;
  readonly length: number;
}

/** Gives every frame a checksum, computed over private bytes, and tells where the medium has it. */
class SealingSender extends SenderBase {
  readonly frame: FrameBuffer;
  readonly #inner: Sender;
  readonly #sealed: FrameBuffer;
  readonly #header = new FrameHeader();
  readonly #committed: (frame: SealedFrame) => void;

  constructor(inner: Sender, maxFrameLength: number, committed: (frame: SealedFrame) => void) {
    super(maxFrameLength);
    this.frame = allocateFrameBuffer(maxFrameLength);
    this.#sealed = allocateFrameBuffer(maxFrameLength + CHECKSUM_BYTES);
    this.#inner = inner;
    this.#committed = committed;
    inner.onClose((reason) => this.fail(reason));
  }

  get writableBytes(): number {
    return Math.max(0, this.#inner.writableBytes - CHECKSUM_BYTES);
  }

  override confirmed(level: 'copied' | 'stored' | 'synced'): number {
    return this.#inner.confirmed(level);
  }

  override onConfirmed(callback: () => void): void {
    super.onConfirmed(callback);
    this.#inner.onConfirmed(() => this.becameConfirmed());
  }

  override onWritable(callback: () => void): void {
    super.onWritable(callback);
    this.#inner.onWritable(() => this.becameWritable());
  }

  override flush(): void {
    this.#inner.flush();
  }

  protected claim(length: number): number {
    const answer = this.#inner.tryClaim(length + CHECKSUM_BYTES);
    // Claimed again at the commit: until then the frame may be shortened, or given up.
    if (answer === OK) this.#inner.abort();
    return answer;
  }

  protected publish(length: number): void {
    const inner = this.#inner;
    const sealedLength = this.#seal(length);
    if (inner.tryClaim(sealedLength) !== OK) return;
    const { frame: memory, offset } = inner;
    copyAligned(this.#sealed, 0, memory, offset, sealedLength);
    inner.commit();
    this.#committed({ memory, offset, length: sealedLength });
  }

  /** The checksum's section stands behind those of fragment and expiry. */
  #seal(length: number): number {
    const { u8: from } = this.frame;
    const { u8, i32 } = this.#sealed;
    readFrameHeader(this.frame, 0, length, this.#header);
    const { flags } = this.#header;
    const at = HEADER_BYTES + ((flags & WHOLE) !== WHOLE ? 8 : 0) + ((flags & FLAG.EXPIRY) !== 0 ? 8 : 0);
    const sealedLength = length + CHECKSUM_BYTES;
    u8.set(from.subarray(0, at));
    u8.fill(0, at, at + CHECKSUM_BYTES);
    u8.set(from.subarray(at, length), at + CHECKSUM_BYTES);
    i32[0] = sealedLength;
    u8[FLAGS_OFFSET] |= FLAG.CHECKSUM;
    u8[HEADER_LENGTH_OFFSET] += CHECKSUM_BYTES;
    sealChecksum(this.#sealed, 0, sealedLength, flags | FLAG.CHECKSUM);
    return sealedLength;
  }

  protected release(): Promise<void> {
    return this.#inner.close();
  }
}

/** `plugin` with checksums on all that it sends; `committed` hears of each frame. */
export function sealing(plugin: TransportPlugin, committed: (frame: SealedFrame) => void): TransportPlugin {
  const maxFrameLength = plugin.capabilities.maxFrameLength - CHECKSUM_BYTES;
  return {
    ...plugin,
    async create(context) {
      const inner = (await plugin.create(context)) as PeerTransport;
      return {
        listen: () => inner.listen(),
        connect: async (address, peer, signal) =>
          new SealingSender(await inner.connect(address, peer, signal), maxFrameLength, committed),
        close: () => inner.close(),
      };
    },
  };
}
