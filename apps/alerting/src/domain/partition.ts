/** Into so many parts the work of judging is cut; more replicas than this find nothing to do. */
export const PARTITIONS = 16;

/** The part to which an agent, a target or a Docker host belongs: FNV-1a over its name. */
export function partitionOf(root: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < root.length; at++) hash = Math.imul(hash ^ root.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % PARTITIONS;
}
