import type { RoleWork } from '../agent.ts';
import { analyse } from '../analysis.ts';
import { Content, Finding } from '../contracts.ts';
import { send } from '../send.ts';

/** Turns contents into findings. While paused it takes nothing, and the bus holds its senders back. */
export const analyst: RoleWork = ({ bus, gate, hear }) => {
  const findings = bus.publisher(Finding);
  const examine = (path: string, content: Uint8Array) => send(findings, analyse(path, content));
  const contents = hear(Content, ({ data, headers }) => {
    const path = headers?.path;
    if (path === undefined) throw new Error('a content without its path');
    return gate.shut ? gate.passed().then(() => examine(path, data)) : examine(path, data);
  });
  return [contents];
};
