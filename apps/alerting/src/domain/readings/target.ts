import {
  nodeIdOf,
  serverIdOf,
  type AlertResource,
  type NodeType,
  type SectionItem,
  type SectionName,
} from '@lapwing/contracts';

/** What was seen of one section of a target. */
export interface Seen<S extends SectionName> {
  items: SectionItem<S>[];
  /** When, milliseconds since 1970. */
  time: number;
}

/** A target with all that was seen of it. */
export interface Target {
  id: string;
  type: NodeType;
  name: string;
  sections: { [S in SectionName]?: Seen<S> };
}

/** The items of a section; none while nothing was seen. */
export const itemsOf = <S extends SectionName>({ sections }: Target, section: S): SectionItem<S>[] =>
  sections[section]?.items ?? [];

/** The scope of one section of a target. */
export const sectionScope = (targetId: string, section: string): string => `target:${targetId}:${section}`;

/** The installation itself: a cluster or node of Proxmox VE, a backup server, a mail gateway. */
export function installation({ type, name }: Target): AlertResource {
  // An agent may well have the name of an installation.
  const id = type === 'pve' ? `pve:${name}` : serverIdOf(type, name);
  return { id, name, type: type === 'pve' ? 'node' : type, node: '', instance: name, parents: [] };
}

/** A node of Proxmox VE. */
export const nodeResource = (target: Target, node: string): AlertResource => ({
  id: nodeIdOf(target.name, node),
  name: node,
  type: 'node',
  node,
  instance: target.name,
  parents: [installation(target).id],
});
