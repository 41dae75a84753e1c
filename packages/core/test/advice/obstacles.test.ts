import { expect, test } from 'vitest';
import { MECHANISMS, type Mechanism } from '../../src/advice/mechanisms.ts';
import { checkNeed, type Need } from '../../src/advice/need.ts';
import { impossible } from '../../src/advice/obstacles.ts';

const ANY: Mechanism[] = ['uds', 'shm', 'mmap', 'uring', 'dma', 'network', 'network-log'];

/** Who can serve a need, figures apart, whatever a leaf prefers. */
test.each<[Need, Mechanism[]]>([
  [{}, ANY],
  [{ bidirectional: true }, ANY],
  [{ related: true }, [...ANY, 'pipe']],
  [{ related: true, bidirectional: true }, ANY],
  [{ partner: 'child' }, [...ANY, 'pipe', 'stdio']],
  [{ partner: 'child', bidirectional: true }, [...ANY, 'stdio']],
  [{ partner: 'agents' }, ANY],
  [{ partner: 'desktop', bidirectional: true }, ['dbus']],
  [{ durability: 'process' }, ['mmap', 'network-log']],
  [{ durability: 'disk' }, ['mmap', 'network-log']],
  [{ sameMachine: false }, ['network', 'network-log']],
  [{ browser: true }, ['network', 'network-log']],
  [{ browser: true, durability: 'disk' }, ['network-log']],
])('%j', (need, expected) => {
  const checked = checkNeed(need);
  const able = (Object.keys(MECHANISMS) as Mechanism[]).filter((each) => impossible(each, checked) === undefined);
  expect(able.sort()).toEqual([...expected].sort());
});
