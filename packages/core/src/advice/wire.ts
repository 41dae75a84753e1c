import type { MeasuredTransport, Reason } from './calibration.ts';
import type { PluginSource } from './plugin-source.ts';

/** `serve` answers and takes, `drive` sends and looks at the clock. */
export type Role = 'serve' | 'drive';

/** From `calibrate` to a measuring process. */
export type Order =
  | {
      readonly op: 'open';
      readonly role: Role;
      readonly source: PluginSource;
      readonly from: string | undefined;
      /** Runtime directory of the two alone. */
      readonly directory: string;
    }
  /** To the driver, when the server is ready. */
  | {
      readonly op: 'measure';
      /** ms that do not count, before those that do. */
      readonly warmUp: number;
      readonly milliseconds: number;
      /** ms for the first message to pass. */
      readonly patience: number;
    };

/** From a measuring process. */
export type Report =
  /** The plugin is there; what goes wrong from now on is the transport's. */
  | { readonly op: 'loaded'; readonly transport: string }
  | { readonly op: 'ready' }
  | { readonly op: 'measured'; readonly figures: Omit<MeasuredTransport, 'module'> }
  | { readonly op: 'failed'; readonly reason: Reason };
