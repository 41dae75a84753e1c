/** The message of the object rows: 107 bytes as msgpack, numbers of every kind, strings, an array. */
export const OBJECT = {
  id: 123_456_789,
  symbol: 'EURUSD',
  price: 1.085_21,
  quantity: 1_000_000,
  side: 'buy',
  flags: [1, 2, 3],
  trader: 'agent-17',
  live: true,
  at: 1_700_000_000_123,
};

export const OBJECT_BYTES = 107;
