/** A process that plays one role of a campaign; its first argument names it. */
import type { Call, Reply } from './participant.ts';
import { ROLES, type RoleName } from './roles/index.ts';

const { actions } = await ROLES[process.argv[2] as RoleName]();

async function perform({ id, action, args }: Call): Promise<Reply> {
  try {
    const perform = (actions as unknown as Record<string, (...args: unknown[]) => unknown>)[action];
    return { id, value: await perform(...args) };
  } catch (error) {
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

process.on('message', (call) => {
  void perform(call as Call).then((reply) => process.send?.(reply));
});
process.on('disconnect', () => process.exit());
