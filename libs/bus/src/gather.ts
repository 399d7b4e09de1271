import type { Msg } from '@nats-io/transport-node';
import type { Link } from './connection.js';
import { outgoingHeaders } from './headers.js';

/** How long the answers of several are waited for. */
export interface Gathering<T> {
  /** Milliseconds after which those that have come must do. */
  waitMs: number;
  /** So many milliseconds are waited at least: for those of whom nobody knows. */
  settleMs: number;
  /** Whether all that are expected have come. */
  isEnough: (answers: readonly T[]) => boolean;
}

/** Answers that are gathered at most. */
const MAX_ANSWERS = 100;

/** NATS' own answer, where nobody listens. Source: NATS ADR-4. */
const isNobody = ({ data, headers }: Msg): boolean => data.length === 0 && headers?.code === 503;

/**
 * Asks, and gathers what all who listen answer.
 * @param read what an answer says; nothing where it says nothing of use.
 */
export function gather<T>(
  question: { link: Link; subject: string; data: string; inbox: string },
  read: (message: Msg) => T[],
  { waitMs, settleMs, isEnough }: Gathering<T>,
): Promise<T[]> {
  const { link, subject, data, inbox } = question;
  return new Promise((resolve) => {
    const answers: T[] = [];
    let isSettled = settleMs <= 0;
    const end = (): void => {
      for (const timer of timers) clearTimeout(timer);
      subscription.unsubscribe();
      resolve(answers);
    };
    const look = (): void => {
      if (answers.length >= MAX_ANSWERS || (isSettled && isEnough(answers))) end();
    };
    const settled = (): void => {
      isSettled = true;
      look();
    };
    const timers = [setTimeout(end, waitMs), setTimeout(settled, settleMs)];
    const subscription = link.connection.subscribe(inbox, {
      callback: (error, message) => {
        if (error || isNobody(message)) return end();
        answers.push(...read(message));
        look();
      },
    });
    link.connection.publish(subject, data, { reply: inbox, headers: outgoingHeaders() });
  });
}
