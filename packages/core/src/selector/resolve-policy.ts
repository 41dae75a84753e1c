import { BusError, shown } from '../contract/index.ts';
import { type Facts, FIXED, HYBRID, type Policy, type Preference } from './policy.ts';

/** Orders transports for one message; asked for every message, so it should be quick. */
export type PolicyFunction = (facts: Facts) => Preference;

/**
 * The policy that an option means: the default table, adapted to what is measured (`adaptive`) or not (`fixed`), a
 * policy of one's own, or a function. @throws BusError INVALID_OPTION
 */
export function resolvePolicy(option: Policy | PolicyFunction | 'adaptive' | 'fixed' | undefined): Policy {
  if (option === undefined || option === 'adaptive') return HYBRID;
  if (option === 'fixed') return FIXED;
  if (typeof option === 'function') return { name: 'function', borders: [], cacheable: false, prefer: option };
  if (typeof option === 'object' && typeof option.prefer === 'function' && Array.isArray(option.borders)) return option;
  throw new BusError('INVALID_OPTION', `${shown(option)} is no policy`, {
    where: 'createBus({ policy })',
    remedy:
      "give 'adaptive', 'fixed', rules([...]), a policy with borders and prefer(facts), or a function of the facts",
  });
}
