import { Fault } from './errors.js';

/** Text that is escaped already: for JSON, it may stand where a value stands; for a URL, in it as it is. */
export class Escaped {
  constructor(
    readonly text: string,
    readonly mode: 'json' | 'url',
  ) {}
}

/** What templates tell apart. What is none of the others (functions, instances of classes …) is as good as missing: nil. */
export type Kind = 'nil' | 'bool' | 'number' | 'string' | 'list' | 'map';

/** Which kind a value is. */
export function kindOf(value: unknown): Kind {
  if (typeof value === 'string' || value instanceof Escaped) return 'string';
  if (typeof value === 'number') return 'number';
  if (typeof value === 'boolean') return 'bool';
  if (Array.isArray(value)) return 'list';
  return isMap(value) ? 'map' : 'nil';
}

/** Whether a value is a plain object. The prototype is told by having none itself: it may be that of another realm. */
export function isMap(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** A value as functions see it: that a text was escaped already matters only where it is put out. */
export function plain(value: unknown): unknown {
  return value instanceof Escaped ? value.text : value;
}

/** What a map or a list has itself under a key; undefined for everything that is inherited, hidden, or would have to be called. */
export function own(target: unknown, key: string | number): unknown {
  if (typeof key === 'string' ? !isMap(target) : !Array.isArray(target)) return undefined;
  const property = Reflect.getOwnPropertyDescriptor(target as object, key);
  return property?.enumerable ? property.value : undefined;
}

/** Orders texts as Go does, by their bytes: UTF-16 units would put U+FFFD behind an emoji. */
export function order(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  let at = 0;
  while (at < length && left.charCodeAt(at) === right.charCodeAt(at)) at += 1;
  if (at === length) return left.length - right.length;
  return rank(left.charCodeAt(at)) - rank(right.charCodeAt(at));
}

const rank = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit);

/** Whether two values are equal. @throws Fault when they cannot be compared: another kind, lists, maps. */
export function equal(left: unknown, right: unknown): boolean {
  const [kind, other] = [kindOf(left), kindOf(right)];
  if (kind === 'nil' || other === 'nil') return kind === other;
  checkKinds(kind, other);
  if (kind === 'list' || kind === 'map') throw new Fault(`a ${kind} cannot be compared`);
  return plain(left) === plain(right);
}

/** Whether the left value is less. @throws Fault when they have no order. */
export function less(left: unknown, right: unknown): boolean {
  const [kind, other] = [kindOf(left), kindOf(right)];
  checkKinds(kind, other);
  if (kind === 'number') return Number(left) < Number(right);
  if (kind !== 'string') throw new Fault(`${named(kind)} has no order`);
  return order(String(plain(left)), String(plain(right))) < 0;
}

function checkKinds(kind: Kind, other: Kind): void {
  if (kind !== other) throw new Fault(`${named(kind)} cannot be compared with ${named(other)}`);
}

/** A kind as errors name it. */
export function named(kind: Kind): string {
  return kind === 'nil' ? 'nil' : `a ${kind}`;
}

/** A text without halves of surrogate pairs, which no byte sequence stands for: they become U+FFFD. */
export function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}
