import type { LogEntry } from '@lapwing/contracts';
import type { LogLine } from '../domain/log-line.js';

/** Makes the document that clients get out of a line. */
export type DescribeLog = (line: LogEntry & { id: string; agentId: string }) => unknown;

/** A new line on its way to those who follow; written once, when the first of them wants it. */
export class LogFrame {
  #data: string | undefined;
  #text: string | undefined;

  /**
   * @param position the place of its message in the stream.
   * @param index its place in the message.
   */
  constructor(
    readonly line: LogLine,
    readonly position: number,
    readonly index: number,
    private readonly describe: DescribeLog,
  ) {}

  /** The line as JSON. */
  get data(): string {
    const { agentId, entry } = this.line;
    return (this.#data ??= JSON.stringify(this.describe({ ...entry, agentId, id: this.#id })));
  }

  /** The event as it goes over the wire. */
  get text(): string {
    return (this.#text ??= `id: ${this.#id}\n${eventOf(this.data)}`);
  }

  get #id(): string {
    return `${this.position}-${this.index}`;
  }
}

/** An event without an id of its own. */
export function eventOf(data: string): string {
  return `event: log\ndata: ${data}\n\n`;
}
