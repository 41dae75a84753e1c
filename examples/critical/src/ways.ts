/** How a receiver waits for a message, from the most expensive to the cheapest. */
export const WAYS = ['ring', 'spin', 'hot', 'park'] as const;
export type Way = (typeof WAYS)[number];
