import type {
  CommandContract,
  EventContract,
  InputOf,
  InquiryContract,
  OutputOf,
  PayloadOf,
  RequestContract,
} from '@lapwing/contracts';
import type { ConsumerOptions, Delivery } from './consumer.js';

/** What a decorated method is bound to. */
export type Binding =
  | { kind: 'request'; method: string; contract: RequestContract }
  | { kind: 'command'; method: string; contract: CommandContract }
  | { kind: 'inquiry'; method: string; contract: InquiryContract }
  | { kind: 'event'; method: string; contract: EventContract; options: ConsumerOptions }
  | { kind: 'news'; method: string; contract: EventContract; about: 'anyone' | 'agent' };

const bindings = new WeakMap<object, Binding[]>();

/** The bindings that the decorators of a handler class declared. */
export function bindingsOf(handler: object): Binding[] {
  return bindings.get(Object.getPrototypeOf(handler) as object) ?? [];
}

type Method<A extends unknown[], R> = <T extends (...args: A) => R>(
  target: object,
  name: string,
  descriptor: TypedPropertyDescriptor<T>,
) => void;

function bind(target: object, binding: Binding): void {
  bindings.set(target, [...(bindings.get(target) ?? []), binding]);
}

/** The method answers this request. */
export function OnRequest<C extends RequestContract>(contract: C): Method<[InputOf<C>], Promise<OutputOf<C>>> {
  return (target, method) => bind(target, { kind: 'request', method, contract });
}

/** The method answers this command to the host whose agent this is. */
export function OnCommand<C extends CommandContract>(contract: C): Method<[InputOf<C>], Promise<OutputOf<C>>> {
  return (target, method) => bind(target, { kind: 'command', method, contract });
}

/** The method answers this question of agents; its second parameter is the agent that asks. */
export function OnInquiry<C extends InquiryContract>(
  contract: C,
): Method<[input: InputOf<C>, agentId: string], Promise<OutputOf<C>>> {
  return (target, method) => bind(target, { kind: 'inquiry', method, contract });
}

/**
 * The method handles this event in batches, through a durable consumer: what comes while the service is away waits.
 * When it returns, the batch is acknowledged. `UNAVAILABLE` makes the batch wait and be tried again; any other error makes
 * it be tried in halves, down to the one message that is to blame, which ends in `DEAD` after its last try.
 */
export function OnEvent<C extends EventContract>(
  contract: C,
  options: ConsumerOptions,
): Method<[Delivery<PayloadOf<C>>[]], Promise<void>> {
  return (target, method) => bind(target, { kind: 'event', method, contract, options });
}

/**
 * The method hears this event as it happens; what is said while the service is away is missed.
 * @param about `agent` hears only what is about the agent whose collector this is.
 */
export function OnNews<C extends EventContract>(contract: C, about: 'anyone' | 'agent'): Method<[PayloadOf<C>], void> {
  return (target, method) => bind(target, { kind: 'news', method, contract, about });
}
