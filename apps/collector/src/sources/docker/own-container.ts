import { hostname } from 'node:os';
import { readText } from '../host/proc.js';

/** What an engine puts into each of its containers, from a folder that it names after the container. */
const OWN = /\/containers\/([0-9a-f]{64})\/(?:resolv\.conf|hostname|hosts) \/etc\/(?:resolv\.conf|hostname|hosts) /;

/**
 * The id of the container in which this process runs, or its beginning; undefined where it runs in none. Docker names a host after it, unless the
 * container shares the host's network.
 * @param mountinfo of this process. Source: proc_pid_mountinfo(5).
 */
export function ownContainer(
  mountinfo = readText('/proc/self/mountinfo') ?? '',
  name = hostname(),
): string | undefined {
  return OWN.exec(mountinfo)?.[1] ?? (/^[0-9a-f]{12,64}$/.test(name) ? name : undefined);
}
