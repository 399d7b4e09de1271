/** Into so many parts the work of judging is cut; more replicas than this find nothing to do. */
export const PARTITIONS = 16;

/** The part to which an agent, a target, a Docker host or a rule on logs belongs. */
export const partitionOf = (root: string): number => hashOf(root) % PARTITIONS;

/** A number from 0 to 2³² − 1 that stands for a text: FNV-1a over its code units. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
