import { type FrameBuffer, frameBuffer, type RegionProvider, type Slab } from '../contract/index.ts';

/** A payload in memory that peers can open, kept for as long as its publisher or a message of it needs it. */
export class LentPayload {
  /** The transport whose regions it is of. */
  readonly transport: string;
  readonly regions: RegionProvider;
  readonly slab: Slab;
  readonly buffer: FrameBuffer;
  #users = 1;

  constructor(transport: string, regions: RegionProvider, slab: Slab) {
    const { buffer, byteOffset, length } = slab.view;
    this.transport = transport;
    this.regions = regions;
    this.slab = slab;
    this.buffer = frameBuffer(buffer, byteOffset, length);
  }

  get bytes(): number {
    return this.slab.view.length;
  }

  retain(): void {
    this.#users++;
  }

  release(): void {
    if (--this.#users === 0) this.slab.release();
  }
}
