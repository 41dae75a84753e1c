/**
 * Version of the transport contract, `major.minor`.
 *
 * A plugin states the version it was written for (`TransportPlugin.contractVersion`). Two versions are compatible
 * when their majors are equal and the bus's minor is at least the plugin's: a minor release only adds. While the
 * major is 0, minors must be equal. Participants exchange the range they accept in HELLO by the same rule.
 */
export const CONTRACT_VERSION = '1.0';

const FORM = /^(\d+)\.(\d+)$/;

/** True when a plugin (or a peer) written for `offered` works with a bus that implements `implemented`. */
export function contractCompatible(offered: string, implemented: string = CONTRACT_VERSION): boolean {
  const a = FORM.exec(offered);
  const b = FORM.exec(implemented);
  if (a === null || b === null || a[1] !== b[1]) return false;
  return a[1] === '0' ? a[2] === b[2] : Number(a[2]) <= Number(b[2]);
}
