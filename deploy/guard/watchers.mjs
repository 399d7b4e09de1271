// Those who watch an update over HTTP. Their connections are handed to the guard before what runs is stopped, so that each hears on the same
// connection how it ended: the guard is the one process that lives through the change.

import { Socket } from 'node:net';

const HEARTBEAT_MS = 15_000;
const MAX = 100;
const LONGEST_MS = 600_000;

/** So long after it was handed over an order must have come for the attempt that a connection is about. */
const ORDER_MS = 15_000;

/**
 * @typedef {object} Watcher
 * @property {string} attemptId
 * @property {boolean} isChunked whether its body is in chunks (RFC 9112, section 7.1); clients of HTTP/1.0 know none
 */

/** Connections on which Server-Sent Events are under way. */
export class Watchers {
  /** @type {Map<Socket, Watcher>} */
  #watchers = new Map();
  #progress = 0;
  #orderedId;

  /** @param {() => string | undefined} orderedId the attempt of the newest order */
  constructor(orderedId) {
    this.#orderedId = orderedId;
    setInterval(() => this.#send(': heartbeat\n\n'), HEARTBEAT_MS).unref();
  }

  /**
   * Takes a connection over, with what was handed over beside it.
   * @param {unknown} message
   * @param {unknown} handle
   */
  take(message, handle) {
    if (!(handle instanceof Socket)) return;
    const { type, attemptId, isChunked } = /** @type {{ type?: unknown, attemptId?: unknown, isChunked?: unknown }} */ (
      message ?? {}
    );
    if (type !== 'watcher' || typeof attemptId !== 'string' || this.#watchers.size >= MAX) {
      handle.destroy();
      return;
    }
    this.#watchers.set(handle, { attemptId, isChunked: isChunked !== false });
    handle.on('close', () => this.#watchers.delete(handle));
    handle.on('error', () => handle.destroy());
    handle.resume();
    setTimeout(() => handle.destroy(), LONGEST_MS).unref();
    setTimeout(() => {
      if (this.#watchers.has(handle) && this.#orderedId() !== attemptId)
        this.fail(attemptId, 'the update was given up at the last moment: see the history');
    }, ORDER_MS).unref();
  }

  /** @param {number} progress of the whole, 0 to 99 */
  progress(progress) {
    const bounded = Math.min(progress, 99);
    if (bounded <= this.#progress) return;
    this.#progress = bounded;
    this.#send(written('progress', { step: 'restarting', progress: bounded }));
  }

  /**
   * @param {string} attemptId
   * @param {string} version
   */
  complete(attemptId, version) {
    this.#end(attemptId, written('complete', { success: true, version }));
  }

  /**
   * @param {string} attemptId
   * @param {string} error
   */
  fail(attemptId, error) {
    this.#end(attemptId, written('error', { success: false, error, code: 'UPDATE_FAILED' }));
  }

  /** @param {string} text */
  #send(text) {
    for (const [socket, { isChunked }] of this.#watchers) socket.write(isChunked ? chunk(text) : text);
  }

  /**
   * @param {string} attemptId
   * @param {string} text
   */
  #end(attemptId, text) {
    for (const [socket, watcher] of this.#watchers) {
      if (watcher.attemptId !== attemptId) continue;
      socket.end(watcher.isChunked ? `${chunk(text)}0\r\n\r\n` : text);
      this.#watchers.delete(socket);
    }
    this.#progress = 0;
  }
}

/**
 * @param {string} name
 * @param {object} data
 */
const written = (name, data) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

/** @param {string} text */
const chunk = (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
