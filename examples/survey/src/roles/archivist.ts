import type { RoleWork } from '../agent.ts';
import { Finding, type FindingMessage, Kept, Refill, Report } from '../contracts.ts';
import { send } from '../send.ts';
import { totalsOf } from '../totals.ts';

/** Keeps the findings, one for each path, and says which it holds: once for all that came in one turn. */
export const archivist: RoleWork = ({ bus, gate, hear }) => {
  const archive = new Map<string, FindingMessage>();
  const confirmations = bus.publisher(Kept);
  let unconfirmed: string[] = [];

  const confirm = (): void => {
    const paths = unconfirmed;
    unconfirmed = [];
    void send(confirmations, { paths });
  };
  const keep = (finding: FindingMessage): void => {
    archive.set(finding.path, finding);
    if (unconfirmed.push(finding.path) === 1) setImmediate(confirm);
  };

  const findings = hear(Finding, ({ data }) => (gate.shut ? gate.passed().then(() => keep(data)) : keep(data)));
  const refill = bus.serve(Refill, (missed) => {
    for (const finding of missed) archive.set(finding.path, finding);
    return null;
  });
  const report = bus.serve(Report, () => totalsOf(archive.values()));
  return [findings, refill, report];
};
