// Compares two sets of Kubernetes objects and says in words where they differ.

/** @typedef {import('../checks/objects.mjs').KubernetesObject} KubernetesObject */

/** What the two sides are called in messages. @typedef {{ left: string, right: string }} Sides */

/** What items of a list are told apart by, the first that all of them have. */
const KEYS = ['name', 'mountPath', 'containerPort', 'topologyKey', 'type', 'configMapRef', 'ipBlock'];

/** Lists whose order means something. That variables come after those that they use is for ../checks/references.mjs. */
const ORDERED = new Set(['envFrom', 'initContainers', 'command', 'args']);

/**
 * An object's kind, namespace and name.
 * @param {KubernetesObject} object
 */
export const fullNameOf = ({ kind, metadata: { name, namespace } }) =>
  `${kind} ${namespace ? `${namespace}/` : ''}${name}`;

/**
 * Every difference, a line each: the object, the path in it, and both values. Empty when there is none.
 * @param {KubernetesObject[]} left
 * @param {KubernetesObject[]} right
 * @param {Sides} sides
 * @returns {string[]}
 */
export function differences(left, right, sides) {
  const [ours, theirs] = [byName(left), byName(right)];
  const names = [...new Set([...ours.keys(), ...theirs.keys()])].toSorted();
  return [
    ...twice(left, sides.left),
    ...twice(right, sides.right),
    ...names.flatMap((name) => {
      const [one, other] = [ours.get(name), theirs.get(name)];
      if (!one || !other) return [`${name}: only in ${one ? sides.left : sides.right}`];
      return within(one, other, '', sides).map((difference) => `${name}: ${difference}`);
    }),
  ];
}

/** @param {KubernetesObject[]} objects */
const byName = (objects) => new Map(objects.map((object) => [fullNameOf(object), object]));

/**
 * @param {KubernetesObject[]} objects
 * @param {string} side
 */
function twice(objects, side) {
  const names = objects.map(fullNameOf);
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))].map(
    (name) => `${name}: is twice in ${side}`,
  );
}

/**
 * @param {unknown} left
 * @param {unknown} right
 * @param {string} at
 * @param {Sides} sides
 * @returns {string[]}
 */
function within(left, right, at, sides) {
  if (Array.isArray(left) && Array.isArray(right)) return lists(left, right, at, sides);
  if (isMap(left) && isMap(right)) {
    const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])];
    return keys.flatMap((key) => within(left[key], right[key], at ? `${at}.${key}` : key, sides));
  }
  return left === right ? [] : [`${at}: ${shown(left)} in ${sides.left}, ${shown(right)} in ${sides.right}`];
}

/**
 * Items are put side by side by their name, so that one item more is told as that, and not as a difference of all after it.
 * @param {unknown[]} left
 * @param {unknown[]} right
 * @param {string} at
 * @param {Sides} sides
 * @returns {string[]}
 */
function lists(left, right, at, sides) {
  const label = labels([...left, ...right]);
  const [ours, theirs] = [left, right].map((items) => new Map(items.map((item, index) => [label(item, index), item])));
  if (!ours || !theirs || ours.size !== left.length || theirs.size !== right.length)
    return same(left, right) ? [] : [`${at}: ${shown(left)} in ${sides.left}, ${shown(right)} in ${sides.right}`];
  const found = [...new Set([...ours.keys(), ...theirs.keys()])].flatMap((name) =>
    within(ours.get(name), theirs.get(name), `${at}[${name}]`, sides),
  );
  const ordered = ORDERED.has(at.split('.').at(-1) ?? '');
  if (found.length > 0 || !ordered || same([...ours.keys()], [...theirs.keys()])) return found;
  return [`${at}: in the order ${[...ours.keys()]} in ${sides.left}, ${[...theirs.keys()]} in ${sides.right}`];
}

/**
 * @param {unknown[]} items
 * @returns {(item: unknown, index: number) => string}
 */
function labels(items) {
  if (items.every((item) => !isMap(item))) return (item, index) => (typeof item === 'string' ? item : String(index));
  const key = KEYS.find((name) => items.every((item) => isMap(item) && name in item));
  return (item, index) => (key && isMap(item) ? text(item[key]) : String(index));
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
const isMap = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param {unknown} one @param {unknown} other */
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** @param {unknown} value */
const text = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

/** @param {unknown} value */
function shown(value) {
  if (value === undefined) return 'nothing';
  const whole = JSON.stringify(value);
  return whole.length > 200 ? `${whole.slice(0, 200)}…` : whole;
}
