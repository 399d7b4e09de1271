import type { AlertResource } from '@lapwing/contracts';
import type { Signal } from './signals.js';

/** One signal of one resource at one instant. */
export interface Reading {
  resource: AlertResource;
  signal: Signal;
  /** Null when it is not known now, or does not count (a backup runs): then whatever stands goes on standing. */
  value: number | null;
  /** What a person should know beside the figure. */
  detail?: string;
}

/** Everything that one look at something told. What stood in an earlier look and is missing here is gone. */
export interface Look {
  /** Tells looks at different things from each other: the newest look of a scope is the only one that counts. */
  scope: string;
  /** When the sample was taken, milliseconds since 1970. */
  time: number;
  readings: Reading[];
  /** Resources of which only a part was seen: what stood of what belongs to them goes on standing, too. */
  partly?: ReadonlySet<string>;
}

/** The alert that a signal of a resource raises. */
export function alertIdOf(resource: Pick<AlertResource, 'id'>, signal: string): string {
  return `${resource.id}-${signal}`;
}
