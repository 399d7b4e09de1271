// What everybody who installs Lapwing sets: where its images are, and which version. A comparison of kustomize and the chart leaves both out.

/** @typedef {import('../checks/objects.mjs').KubernetesObject} KubernetesObject */

const LABEL = 'app.kubernetes.io/version';

/**
 * The objects with images "lapwing:version" and "lapwing-agent:version", and without the version in names and labels. What disagrees within the
 * objects stays: an image with another tag than its object's label, a service with an image of its own.
 * @param {KubernetesObject[]} objects
 * @returns {KubernetesObject[]}
 */
export function withoutImages(objects) {
  const first = (/** @type {string} */ container) =>
    repositoriesIn(objects)
      .find((one) => one.container === container)
      ?.image.replace(/:[^:/]*$/, '');
  const names = new Map([
    [first('lapwing'), 'lapwing'],
    [first('agent'), 'lapwing-agent'],
  ]);
  return objects.map((object) => /** @type {KubernetesObject} */ (replaced(object, versionOf(object), names)));
}

/** @param {KubernetesObject} object */
const versionOf = ({ metadata }) => metadata.labels?.[LABEL];

/**
 * @param {unknown} value
 * @returns {{ container: string, image: string }[]}
 */
function repositoriesIn(value) {
  if (typeof value !== 'object' || value === null) return [];
  const { name, image } = /** @type {{ name?: unknown, image?: unknown }} */ (value);
  const own = typeof name === 'string' && typeof image === 'string' ? [{ container: name, image }] : [];
  return [...own, ...Object.values(value).flatMap(repositoriesIn)];
}

/**
 * @param {unknown} value
 * @param {string | undefined} version of the object that it is in
 * @param {Map<string | undefined, string>} names by repository
 * @returns {unknown}
 */
function replaced(value, version, names) {
  if (Array.isArray(value)) return value.map((item) => replaced(item, version, names));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (version === undefined || typeof item !== 'string') return [key, replaced(item, version, names)];
      if (key === LABEL && item === version) return [key, 'version'];
      if (key === 'name' && item === `migrate-${version}`) return [key, 'migrate-version'];
      const repository =
        key === 'image' && item.endsWith(`:${version}`) ? item.slice(0, -version.length - 1) : undefined;
      return [key, repository === undefined ? item : `${names.get(repository) ?? repository}:version`];
    }),
  );
}
