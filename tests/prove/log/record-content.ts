/** Fills the frame of record `sequence`: every byte follows from the number and its place, so that a wrong one is seen. */
export function fillRecord(sequence: number, frame: Uint8Array): void {
  let state = Math.imul(sequence, 0x9e37_79b1) | 1;
  for (let i = 0; i < frame.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    frame[i] = state >>> 24;
  }
}

export function recordContent(sequence: number, bytes: number): Uint8Array {
  const frame = new Uint8Array(bytes);
  fillRecord(sequence, frame);
  return frame;
}

/** True when `frame` is what was appended as record `sequence`. */
export function isRecordContent(sequence: number, frame: Uint8Array): boolean {
  return Buffer.compare(frame, recordContent(sequence, frame.length)) === 0;
}
