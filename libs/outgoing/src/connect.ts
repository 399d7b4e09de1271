import { once } from 'node:events';
import { connect as open, type Socket } from 'node:net';
import type { Reach } from './addresses.js';
import { sayable } from './errors.js';
import { checkHost, guardedLookup, type Resolve } from './lookup.js';

/** See {@link connect}. */
export interface ConnectOptions {
  reach: Reach;
  /** Gives up when it ends. */
  signal: AbortSignal;
  /** Who finds addresses; the system by default. */
  resolve?: Resolve;
}

/**
 * A plain TCP connection past the guard, for protocols other than HTTP.
 * @param host a name, or an address without brackets.
 * @throws OutgoingError when the host may not be asked; ConnectionError when it cannot be reached; or the reason of the signal.
 */
export async function connect(host: string, port: number, options: ConnectOptions): Promise<Socket> {
  const { reach, signal, resolve } = options;
  checkHost(host, reach);
  signal.throwIfAborted();
  const socket = open({ host, port, lookup: guardedLookup(reach, resolve) });
  // What happens to it before somebody listens must not end the process.
  socket.on('error', () => {});
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? error : sayable(error);
  }
}
