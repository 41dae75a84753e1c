import type { Availability } from '@busbar/core/contract';

/** Whether something of this package can be used here, and if not, why and what helps. */
export type NativeAvailability = { readonly available: true } | Extract<Availability, { available: false }>;
