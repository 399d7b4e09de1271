import { LapwingError, type Asked, type EventContract } from '@lapwing/contracts';
import { counter, tracedHistogram, type Span } from '@lapwing/telemetry';
import type { Link } from './connection.js';

const requestSeconds = tracedHistogram<'contract'>({
  name: 'lapwing_bus_request_seconds',
  help: 'How long questions to other services took, until their answer or until it was given up',
  labelNames: ['contract'],
});
const publishSeconds = tracedHistogram<'contract'>({
  name: 'lapwing_bus_publish_seconds',
  help: 'How long it took until a stream had an event',
  labelNames: ['contract'],
});
const failures = counter<'service' | 'contract' | 'code'>({
  name: 'lapwing_bus_failures_total',
  help: 'Questions that were answered with an error or not at all, and events that no stream took, by the code of the error',
  labelNames: ['service', 'contract', 'code'],
});

/** Codes that are nobody's bad input: what asks failed. */
const FAULTS = new Set(['INTERNAL', 'UNAVAILABLE', 'TIMEOUT']);

/** Whether what a question came to is a fault, and not an answer like "there is no such thing". */
export const isFault = (thrown: unknown): boolean => !(thrown instanceof LapwingError) || FAULTS.has(thrown.code);

const known = new Set<string>();

/** Lets failures of a contract begin at nought: a rate does not see the first of what was not there before. */
function beginAtNought(service: string, contract: string): void {
  const key = `${service} ${contract}`;
  if (known.has(key)) return;
  known.add(key);
  for (const code of FAULTS) failures.inc({ service, contract, code }, 0);
}

/** How long one piece of work on the bus takes, and whether it fails. */
async function timed<T>(
  what: { service: string; contract: string; seconds: typeof requestSeconds },
  span: Span,
  work: () => Promise<T>,
): Promise<T> {
  const { service, contract, seconds } = what;
  beginAtNought(service, contract);
  const begun = performance.now();
  try {
    return await work();
  } catch (error) {
    failures.inc({ service, contract, code: error instanceof LapwingError ? error.code : 'INTERNAL' });
    throw error;
  } finally {
    seconds.observe({ contract }, (performance.now() - begun) / 1000, span);
  }
}

/** Measures a question. */
export const timeRequest = <T>(service: string, { name }: Asked, span: Span, work: () => Promise<T>): Promise<T> =>
  timed({ service, contract: name, seconds: requestSeconds }, span, work);

/** Measures an event until a stream has it. */
export const timePublish = <T>(
  service: string,
  { name }: EventContract,
  span: Span,
  work: () => Promise<T>,
): Promise<T> => timed({ service, contract: name, seconds: publishSeconds }, span, work);

/** What spans say of a message: by the conventions of OpenTelemetry for messaging. */
export function messageAttributes(
  operation: { type: 'send' | 'process'; name: string },
  { name }: Asked | EventContract,
  link?: Link,
): Record<string, string | number> {
  const [, address, port] = /^(.*):(\d+)$/.exec(link?.connection.getServer() ?? '') ?? [];
  return {
    'messaging.system': 'nats',
    'messaging.operation.type': operation.type,
    'messaging.operation.name': operation.name,
    'messaging.destination.name': name,
    ...(address && { 'server.address': address, 'server.port': Number(port) }),
  };
}
