// Those who watch an update over HTTP. Their connections are handed to the guard before what runs is stopped, so that each hears on the same
// connection how it ended: the guard is the one process that lives through the change.

const HEARTBEAT_MS = 15_000;
const MAX = 100;
const LONGEST_MS = 600_000;

/** Connections on which Server-Sent Events are under way, in chunks (RFC 9112, section 7.1). */
export class Watchers {
  /** @type {Set<import('node:net').Socket>} */
  #sockets = new Set();
  #progress = 0;

  constructor() {
    setInterval(() => this.#send(': heartbeat\n\n'), HEARTBEAT_MS).unref();
  }

  /**
   * Takes a connection over, with what was handed over beside it.
   * @param {unknown} message
   * @param {unknown} handle
   */
  take(message, handle) {
    const socket = /** @type {import('node:net').Socket | undefined} */ (handle);
    if (!socket) return;
    const isWatcher = /** @type {{ type?: string }} */ (message)?.type === 'watcher';
    if (!isWatcher || this.#sockets.size >= MAX) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.resume();
    setTimeout(() => socket.destroy(), LONGEST_MS).unref();
  }

  /** @param {number} progress of the whole, 0 to 99 */
  progress(progress) {
    const bounded = Math.min(progress, 99);
    if (bounded <= this.#progress) return;
    this.#progress = bounded;
    this.#event('progress', { step: 'restarting', progress: bounded });
  }

  /** @param {string} version */
  complete(version) {
    this.#event('complete', { success: true, version });
    this.#end();
  }

  /** @param {string} error */
  fail(error) {
    this.#event('error', { success: false, error, code: 'UPDATE_FAILED' });
    this.#end();
  }

  /**
   * @param {string} name
   * @param {object} data
   */
  #event(name, data) {
    this.#send(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** @param {string} text */
  #send(text) {
    const chunk = `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
    for (const socket of this.#sockets) socket.write(chunk);
  }

  #end() {
    for (const socket of this.#sockets) socket.end('0\r\n\r\n');
    this.#sockets.clear();
    this.#progress = 0;
  }
}
