import { join } from 'node:path';
import { BusError } from '@busbar/core/contract';

/** Bytes of `sockaddr_un.sun_path` without its terminating zero. Node 20 cuts longer paths in silence. */
export const MAX_PATH_BYTES = process.platform === 'darwin' ? 103 : 107;

/** The file name of a participant's data socket. */
export function socketName(participantId: string, transport: string): string {
  return `${participantId}.${transport}.sock`;
}

/** The path of `file` in `directory`. @throws BusError PATH_TOO_LONG */
export function socketPath(directory: string, file: string): string {
  const path = join(directory, file);
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_PATH_BYTES) return path;
  throw new BusError('PATH_TOO_LONG', `a socket path of ${bytes} bytes exceeds ${MAX_PATH_BYTES}`, {
    where: path,
    remedy: 'set BUSBAR_DIR to a shorter directory',
  });
}
