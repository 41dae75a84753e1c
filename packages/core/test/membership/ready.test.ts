import { expect, test } from 'vitest';
import { Fabric } from '../support/fabric.ts';
import { Mesh } from '../support/mesh.ts';
import { turn } from '../support/pair.ts';

test.each([undefined, 'workers'])(
  'a second subscription is ready when peers know of the first (group: %s)',
  async (group) => {
    const mesh = await Mesh.create(2, new Fabric('red'));
    const { bus } = mesh.members[0];
    const ready: string[] = [];
    mesh.control.hold();
    void bus.subscribe('t', () => {}, { group }).ready.then(() => ready.push('first'));
    void bus.subscribe('t', () => {}, { group }).ready.then(() => ready.push('second'));
    await turn();
    expect(ready).toEqual([]);
    mesh.control.pass();
    await turn();
    expect(ready).toEqual(['first', 'second']);
    await bus.subscribe('t', () => {}, { group }).ready;
    await mesh.close();
  },
);
