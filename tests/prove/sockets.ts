import { subscribe } from 'node:diagnostics_channel';
import type { Server, Socket } from 'node:net';

/** `dialled`: frames come in over it. `accepted`: frames go out over it. */
export type CuttableSide = 'dialled' | 'accepted';

interface Watched {
  readonly transport: string;
  readonly side: CuttableSide;
}

const sockets = new Map<Socket, Watched>();
let hits = 0;

/**
 * Learns which sockets of this process belong to which uds transport, without touching the transport: accepted ones
 * by the name of their server's socket, dialled ones by the path they connect to. Counts the closes of accepted
 * sockets that find `busy`.
 */
export function watchSockets(transports: readonly string[], busy: () => boolean): void {
  const transportOf = (address: unknown): string | undefined =>
    typeof address === 'string' ? transports.find((name) => address.endsWith(`.${name}.sock`)) : undefined;
  const watch = (socket: Socket, transport: string | undefined, side: CuttableSide): void => {
    if (transport === undefined) return;
    sockets.set(socket, { transport, side });
    socket.once('close', () => {
      sockets.delete(socket);
      if (side === 'accepted' && busy()) hits++;
    });
  };
  subscribe('net.server.socket', (message) => {
    const { socket } = message as { socket: Socket & { server?: Server } };
    watch(socket, transportOf(socket.server?.address()), 'accepted');
  });
  subscribe('net.client.socket', (message) => {
    const { socket } = message as { socket: Socket };
    // Node tells of the socket before it says where to.
    const original = socket.connect as (...args: unknown[]) => Socket;
    socket.connect = ((...args: unknown[]) => {
      watch(socket, transportOf(pathIn(args)), 'dialled');
      return original.apply(socket, args);
    }) as typeof socket.connect;
  });
}

/** `net.connect` hands its arguments on as one array, the options first. */
function pathIn(args: readonly unknown[]): unknown {
  const first = Array.isArray(args[0]) ? args[0][0] : args[0];
  return typeof first === 'object' && first !== null && 'path' in first ? first.path : undefined;
}

export function cutSockets(transport: string, side: CuttableSide): boolean {
  let found = false;
  for (const [socket, watched] of sockets) {
    if (watched.transport !== transport || watched.side !== side) continue;
    socket.destroy();
    found = true;
  }
  return found;
}

export function hitsOfClosedSockets(): number {
  return hits;
}
