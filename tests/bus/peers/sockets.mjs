import { Server, Socket } from 'node:net';

/**
 * Every Unix socket of this process, by what it carries. The bus unrefs all of its sockets, which hides them from
 * `process._getActiveHandles()`; imported before the bus, this notes each one as it is unref'd.
 */
const sockets = new Map();
const unref = Socket.prototype.unref;
const connect = Socket.prototype.connect;
const dialled = new WeakMap();

Socket.prototype.connect = function (...args) {
  const [first] = args.flat();
  dialled.set(this, typeof first === 'string' ? first : String(first?.path));
  return connect.apply(this, args);
};

Socket.prototype.unref = function () {
  if (!sockets.has(this)) {
    sockets.set(this, undefined);
    this.once('close', () => sockets.delete(this));
  }
  return unref.call(this);
};

function pathOf(socket) {
  return dialled.get(socket) ?? (socket.server instanceof Server ? String(socket.server._pipeName) : '');
}

/** Live sockets: `control`, or the name of a uds transport. */
function socketsOf(kind) {
  return [...sockets.keys()].filter((socket) => {
    if (socket.destroyed) return false;
    const match = /[0-9a-f]{16}\.(?:([a-z][a-z0-9-]*)\.)?sock$/.exec(pathOf(socket));
    return match !== null && (match[1] ?? 'control') === kind;
  });
}

/** Breaks them, as a fault of the system would; returns how many there were. */
export function cut(kind) {
  const open = socketsOf(kind);
  for (const socket of open) socket.destroy();
  return open.length;
}
