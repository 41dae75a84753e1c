/** Every role by name; loaded only in the process that plays it. */
export const ROLES = {
  borrower: () => import('./borrower.ts'),
  colleague: () => import('./colleague.ts'),
  crowd: () => import('./crowd.ts'),
  'name-claimant': () => import('./name-claimant.ts'),
  'log-consumer': () => import('./log-consumer.ts'),
  'log-sleeper': () => import('./log-sleeper.ts'),
  'log-writer': () => import('./log-writer.ts'),
  'ring-rewriter': () => import('./ring-rewriter.ts'),
  'migration-receiver': () => import('./migration-receiver.ts'),
  'migration-sender': () => import('./migration-sender.ts'),
  'rewriting-bus': () => import('./rewriting-bus.ts'),
  'ring-writer': () => import('./ring-writer.ts'),
  'slow-pair': () => import('./slow-pair.ts'),
  'stream-pair': () => import('./stream-pair.ts'),
  swarm: () => import('./swarm.ts'),
  'task-producer': () => import('./task-producer.ts'),
  'task-worker': () => import('./task-worker.ts'),
};

export type RoleName = keyof typeof ROLES;
export type ActionsOf<R extends RoleName> = Awaited<ReturnType<(typeof ROLES)[R]>>['actions'];
