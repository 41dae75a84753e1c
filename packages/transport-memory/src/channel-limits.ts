/** How the channels of one instance are sized, in bytes. */
export interface ChannelLimits {
  /** What a receiver that does not read lets its sender commit. */
  readonly bufferBytes: number;
  readonly maxFrameLength: number;
}
