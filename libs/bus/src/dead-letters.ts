import { eventSubject, type EventContract } from '@lapwing/contracts';
import { describeError, type Logger } from '@lapwing/telemetry';
import type { JsMsg, StoredMsg } from '@nats-io/jetstream';
import { headers as emptyHeaders, type Msg } from '@nats-io/transport-node';
import type { Link } from './connection.js';

type Buried = Pick<JsMsg | StoredMsg, 'subject' | 'data' | 'seq'>;

/**
 * Puts a message that cannot be handled into `DEAD`, with the reason, for a person to look at. The same message is kept
 * once, however often it is buried.
 */
export async function buryMessage(link: Link, message: Buried, durable: string, reason: string): Promise<void> {
  const headers = emptyHeaders();
  headers.set('Lapwing-Dead-Reason', reason.replace(/\s+/g, ' ').slice(0, 500));
  headers.set('Lapwing-Dead-Consumer', durable);
  headers.set('Lapwing-Dead-Position', String(message.seq));
  await link.js.publish(`dead.${message.subject}`, message.data, { headers, msgID: `${durable}:${message.seq}` });
}

/**
 * Buries messages whose handler took the process down with it until the last delivery was used up: nobody is left to say
 * so but the server, by an advisory.
 */
export function watchExhausted(link: Link, contract: EventContract, durable: string, log: Logger): void {
  const stream = contract.stream;
  if (!stream) return;
  const callback = (error: Error | null, advisory: Msg): void => {
    if (error) return;
    const { stream_seq: position } = advisory.json<{ stream_seq: number }>();
    void (async () => {
      const message = await link.manager.streams.getMessage(stream, { seq: position });
      if (!message?.subject.startsWith(eventSubject(contract, ''))) return;
      await buryMessage(link, message, durable, 'its handler never finished');
      log.error({ position }, 'a message was buried in DEAD after its last delivery');
    })().catch((failure: unknown) => log.warn({ error: describeError(failure), position }, 'burying failed'));
  };
  link.connection.subscribe(`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${stream}.${durable}`, {
    queue: `dead-${durable}`,
    callback,
  });
}
