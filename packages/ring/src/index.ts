/** Lock-free rings over memory that two processes share; the memory itself is somebody else's. */
export { type AtomicBuffer, MappedWords } from './atomic-buffer.ts';
export { checkRing, formatRing } from './ring-header.ts';
export { isCapacity, maxRingFrame, ringBytes } from './ring-layout.ts';
export { AT_END, EMPTY, POISONED, RingReader } from './ring-reader.ts';
export { RingWriter } from './ring-writer.ts';
