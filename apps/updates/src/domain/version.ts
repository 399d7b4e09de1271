import semver from 'semver';

/** Whether one version is newer than another, by the precedence of Semantic Versioning 2.0. */
export function isNewer(one: string, other: string): boolean {
  return semver.gt(one, other);
}

/** Whether a text is a version. */
export function isVersion(text: string): boolean {
  return semver.valid(text) === text;
}

/** The newest of several; undefined of none. */
export function newestOf<T extends { version: string }>(releases: readonly T[]): T | undefined {
  return releases.toSorted((one, other) => semver.rcompare(one.version, other.version))[0];
}
