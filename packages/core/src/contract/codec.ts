/**
 * Turns values into bytes and back. Codecs are named by a number in the frame, so both sides need the same one.
 *
 * A codec reads only bytes it owns for the duration of the call (the bus hands it private memory) and must bound
 * what it builds: a decoded value never exceeds depth 64 or the size budget.
 */
export interface Codec {
  readonly name: string;
  /** 0 raw, 1 msgpack, 2 json are the bus's own; 8 to 15 are free for applications. */
  readonly id: number;
  /**
   * The bytes of `value`. The result must stay unchanged for as long as it is referenced: the bus keeps it for replay.
   * @throws BusError NOT_SERIALIZABLE for what the codec cannot carry (functions, symbols, cycles, …), never silently.
   */
  encode(value: unknown): Uint8Array;
  /**
   * The value in `bytes[start, end)`. Must not keep a view of `bytes`.
   * @throws BusError DECODE_FAILED
   */
  decode(bytes: Uint8Array, start: number, end: number): unknown;
}
