import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import path from 'node:path';
import type { Bus } from '@busbar/core';
import {
  allocateFrameBuffer,
  CONTRACT_VERSION,
  DONE,
  encodeFrame,
  FrameDecoder,
  FrameHeader,
  type FrameParts,
  KIND,
  readFrameHeader,
} from '@busbar/core/contract';
import { atEnd } from './harness.ts';

/** A frame as the other side sent it. */
export interface SeenFrame {
  readonly kind: number;
  readonly id: number;
  readonly topic: string;
  readonly payload: Buffer;
}

/** One end of a stream of frames, read whole and written raw. */
export class FrameStream {
  readonly socket: Socket;
  readonly seen: SeenFrame[] = [];
  /** Resolves when the other side has ended the connection. */
  readonly ended: Promise<void>;
  readonly #waiting: { kind: number; resolve: (frame: SeenFrame) => void }[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    const decoder = new FrameDecoder(8 * 1024 * 1024);
    const header = new FrameHeader();
    socket.on('error', () => {});
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (chunk) => {
      const buffer = allocateFrameBuffer(chunk.length);
      buffer.u8.set(chunk);
      decoder.push(
        buffer,
        0,
        chunk.length,
        (frame, offset, length) => {
          readFrameHeader(frame, offset, length, header);
          const payload = Buffer.from(frame.u8.slice(offset + header.headerLength, offset + length));
          this.#see({
            kind: header.kind,
            id: header.messageId,
            topic: header.sections & 1 ? header.topicName : '',
            payload,
          });
          return DONE;
        },
        Number.POSITIVE_INFINITY,
      );
    });
  }

  #see(frame: SeenFrame): void {
    this.seen.push(frame);
    const at = this.#waiting.findIndex(({ kind }) => kind === frame.kind);
    if (at >= 0) this.#waiting.splice(at, 1)[0]?.resolve(frame);
  }

  /** The first frame of that kind, seen already or to come. */
  frame(kind: number): Promise<SeenFrame> {
    const seen = this.seen.find((frame) => frame.kind === kind);
    return seen === undefined ? new Promise((resolve) => this.#waiting.push({ kind, resolve })) : Promise.resolve(seen);
  }

  send(parts: FrameParts): void {
    this.socket.write(encodeFrame(parts));
  }

  raw(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }
}

/** Connects to the control socket of `bus` and says nothing yet. */
export function stranger(bus: Bus, folder: string): FrameStream {
  const socket = dial(path.join(folder, `${bus.self.id}.sock`));
  atEnd(() => socket.destroy());
  return new FrameStream(socket);
}

/** A participant that speaks the protocol as far as the test wants it to. */
export class Hostile {
  readonly id = randomBytes(8).toString('hex');
  readonly control: FrameStream;
  readonly #folder: string;

  /** `folder` is that of the bus: directory and bus name. */
  constructor(bus: Bus, folder: string) {
    this.#folder = folder;
    this.control = stranger(bus, folder);
  }

  /** What an honest HELLO says; `changes` make it another. */
  hello(changes: object = {}): object {
    return {
      contract: CONTRACT_VERSION,
      bus: path.basename(this.#folder),
      secret: readFileSync(path.join(this.#folder, 'secret'), 'latin1'),
      id: this.id,
      name: 'hostile',
      process: { pid: process.pid, startTime: 0, namespace: 'none' },
      session: randomBytes(8).toString('hex'),
      patterns: [],
      groups: [],
      services: [],
      transports: [{ name: 'uds', contract: CONTRACT_VERSION, address: `uds:${this.#dataPath}` }],
      ...changes,
    };
  }

  sayHello(changes?: object): void {
    this.control.send({ kind: KIND.HELLO, payload: Buffer.from(JSON.stringify(this.hello(changes))) });
  }

  /** Joins in good order. */
  async join(changes?: object): Promise<this> {
    this.sayHello(changes);
    await this.control.frame(KIND.HELLO);
    return this;
  }

  get #dataPath(): string {
    return path.join(this.#folder, `${this.id}.uds.sock`);
  }

  /** A connection into the inbox of the bus, by the uds handshake: it is invited, and dials. */
  async intoInbox(): Promise<FrameStream> {
    const server = await new Promise<Server>((resolve) => {
      const listening = createServer().listen(this.#dataPath, () => resolve(listening));
    });
    atEnd(() => server.close());
    const accepted = new Promise<Socket>((resolve) => {
      server.once('connection', (socket) => socket.once('data', () => resolve(socket)));
    });
    const invitation = Buffer.alloc(40);
    invitation.writeUInt32LE(1, 0);
    invitation.writeUInt32LE(1, 4);
    this.control.send({
      kind: KIND.ATTACH,
      topicName: 'uds',
      payload: Buffer.concat([invitation, Buffer.from(this.#dataPath)]),
    });
    const socket = await accepted;
    atEnd(() => socket.destroy());
    return new FrameStream(socket);
  }

  /** The connection that the bus opens into our inbox: waits for its invitation and takes it up. */
  async outOfBus(): Promise<FrameStream> {
    const { payload } = await this.control.frame(KIND.ATTACH);
    const socket = dial(payload.toString('utf8', 40));
    atEnd(() => socket.destroy());
    const hello = Buffer.alloc(40);
    hello.writeUInt32LE(0x31554242, 0);
    payload.copy(hello, 4, 4, 40);
    socket.write(hello);
    return new FrameStream(socket);
  }
}
