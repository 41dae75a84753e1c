export const PREFIX_BYTES = 4;

/**
 * Cuts what a socket reads into messages of u32 length and payload. Each is handed over in one piece, in the chunk
 * where it lies whole, else put together in a buffer that is used again; `end` is exclusive, both without the prefix.
 */
export function parser(onMessage: (bytes: Buffer, start: number, end: number) => void): (chunk: Buffer) => void {
  let partial = Buffer.allocUnsafe(65_536);
  let have = 0;
  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      const left = chunk.length - at;
      const whole =
        have === 0 && left >= PREFIX_BYTES ? PREFIX_BYTES + chunk.readUInt32LE(at) : Number.POSITIVE_INFINITY;
      if (whole <= left) {
        onMessage(chunk, at + PREFIX_BYTES, at + whole);
        at += whole;
        continue;
      }
      let wanted = have < PREFIX_BYTES ? PREFIX_BYTES : PREFIX_BYTES + partial.readUInt32LE(0);
      const copied = chunk.copy(partial, have, at, at + Math.min(left, wanted - have));
      have += copied;
      at += copied;
      if (have < PREFIX_BYTES) continue;
      wanted = PREFIX_BYTES + partial.readUInt32LE(0);
      if (wanted > partial.length) partial = Buffer.concat([partial.subarray(0, have)], 2 * wanted);
      if (have < wanted) continue;
      onMessage(partial, PREFIX_BYTES, wanted);
      have = 0;
    }
  };
}
