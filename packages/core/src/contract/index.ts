/**
 * The contract between the bus and its transports. It imports only itself; a transport sees nothing else of core.
 */
export * from './capabilities.ts';
export * from './checksum.ts';
export * from './codec.ts';
export * from './errors.ts';
export * from './frame.ts';
export * from './frame-buffer.ts';
export * from './frame-decoder.ts';
export * from './frame-layout.ts';
export * from './peer.ts';
export * from './qos.ts';
export * from './receiver-base.ts';
export * from './regions.ts';
export * from './result.ts';
export * from './sender-base.ts';
export * from './services.ts';
export * from './shown.ts';
export * from './topic.ts';
export * from './transport.ts';
export * from './version.ts';
