import type { LinkStatus, NodeType, SectionItem, SectionName } from '@lapwing/contracts';

/** What is known of one section of a target. */
export interface SectionState<S extends SectionName> {
  items: SectionItem<S>[];
  /** When it was seen, milliseconds since 1970. */
  time: number;
}

/** A configured node with all that was seen through it. */
export interface EstateTarget {
  id: string;
  type: NodeType;
  name: string;
  host: string;
  sections: { [S in SectionName]?: SectionState<S> };
}

/** The items of a section; none while nothing was seen. */
export function itemsOf<S extends SectionName>(target: EstateTarget, section: S): SectionItem<S>[] {
  return target.sections[section]?.items ?? [];
}

const LEAST_STALE_MS = 60_000;
const STALE_INTERVALS = 6;

/**
 * How the link to a target is; what nobody has said anything of for a while is not known to be healthy. Undefined before it was ever polled.
 */
export function linkOf(target: EstateTarget, now: number): LinkStatus | undefined {
  const link = target.sections.link;
  const [status] = link?.items ?? [];
  if (!link || !status) return undefined;
  const limit = Math.max(STALE_INTERVALS * status.intervalSeconds * 1000, LEAST_STALE_MS);
  if (now - link.time <= limit) return status;
  return { ...status, health: 'error', fault: 'silent', error: 'nobody polls it' };
}
