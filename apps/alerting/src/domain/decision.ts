import type { AlertConfig, AlertLevel, AlertResource } from '@lapwing/contracts';
import { isFlapping, type FlapState } from './quiet/flapping.js';
import { inMaintenance, type MaintenanceWindow } from './quiet/maintenance.js';
import { isHeld } from './quiet/quiet-hours.js';
import { mayTell, type RateState } from './quiet/rate.js';
import { silencing, type Silence, type Subject } from './quiet/silence.js';
import { signalInfo } from './signals.js';

/** Something that could be told. */
export interface Tellable {
  kind: 'firing' | 'resolved' | 'escalation';
  alertId: string;
  level: AlertLevel;
  signal: string;
  resource: AlertResource;
  /** It has become critical since it was told. */
  upgraded: boolean;
  acknowledged: boolean;
  isResolved: boolean;
  /** It was kept quiet because what it stands on was away. */
  wasInhibited: boolean;
  /** It was held back by quiet hours: then it is summed up, even when it is over. */
  isFromQuietHours: boolean;
  flaps: FlapState;
  told: RateState;
}

/** What speaks for and against telling it. */
export interface Circumstances {
  config: AlertConfig;
  silences: readonly Silence[];
  windows: readonly MaintenanceWindow[];
  /** The resources that are away, and the alert that says so. */
  away: ReadonlyMap<string, string>;
}

/** Whether something is told now, later, or never, and why. */
export type Decision =
  | { do: 'tell' }
  | { do: 'hold'; until: number; why: string; inhibitedBy?: string; isQuietHours?: boolean }
  | { do: 'drop'; why: string };

/** An alert that waits for another to end is looked at again this often. */
const INHIBITED_MS = 10_000;

/** What stands on something that has just come back may need so long to come back, too. */
const SETTLE_MS = 120_000;

/** What silences and maintenance windows look at. */
export const subjectOf = ({
  alertId,
  signal,
  level,
  resource,
}: Pick<Tellable, 'alertId' | 'signal' | 'level' | 'resource'>): Subject => ({
  alertId,
  type: signal,
  level,
  resourceId: resource.id,
  resourceName: resource.name,
  resourceType: resource.type,
  node: resource.node,
  instance: resource.instance,
});

/** Decides whether something is told at an instant (milliseconds since 1970). */
export function decide(one: Tellable, given: Circumstances, at: number): Decision {
  const { config } = given;
  if (one.kind === 'resolved') return holdForQuietHours(one, config, at) ?? { do: 'tell' };
  if (!config.enabled) return { do: 'drop', why: 'alerts are switched off' };
  if (one.isResolved && !one.isFromQuietHours) return { do: 'drop', why: 'it was over before anybody was told' };
  if (one.acknowledged) return { do: 'drop', why: 'it is acknowledged' };
  return (
    holdForSilence(one, given, at) ??
    holdForParent(one, given, at) ??
    holdForFlapping(one, at) ??
    holdForQuietHours(one, config, at) ??
    holdForRate(one, config, at) ?? { do: 'tell' }
  );
}

function holdForSilence(one: Tellable, { silences, windows }: Circumstances, at: number): Decision | undefined {
  const subject = subjectOf(one);
  const silence = silencing(silences, subject, at);
  if (silence)
    return {
      do: 'hold',
      until: silence.endsAt,
      why: `silenced by ${silence.createdBy}${silence.comment && `: ${silence.comment}`}`,
    };
  const maintenance = inMaintenance(windows, subject, at);
  return maintenance
    ? { do: 'hold', until: maintenance.span.to, why: `maintenance: ${maintenance.window.name}` }
    : undefined;
}

function holdForParent(
  { alertId, signal, resource, wasInhibited }: Tellable,
  { away }: Circumstances,
  at: number,
): Decision | undefined {
  // A figure proves that its host is there, whatever is said of the way to it.
  if (signalInfo(signal).category !== 'offline') return undefined;
  const parent = resource.parents.find((id) => away.has(id) && away.get(id) !== alertId);
  if (parent === undefined)
    return wasInhibited
      ? { do: 'hold', until: at + SETTLE_MS, why: 'what it stands on has just come back' }
      : undefined;
  const inhibitedBy = away.get(parent) ?? '';
  return { do: 'hold', until: at + INHIBITED_MS, why: `${parent} is away`, inhibitedBy };
}

function holdForFlapping({ flaps }: Tellable, at: number): Decision | undefined {
  return isFlapping(flaps, at)
    ? { do: 'hold', until: flaps.mutedUntil ?? at, why: 'it comes and goes too often' }
    : undefined;
}

function holdForQuietHours({ level, signal }: Tellable, config: AlertConfig, at: number): Decision | undefined {
  const held = isHeld(config.schedule.quietHours, at, { level, category: signalInfo(signal).category });
  if (!held) return undefined;
  return { do: 'hold', until: held.until, why: 'quiet hours', isQuietHours: true };
}

function holdForRate({ kind, upgraded, told }: Tellable, { schedule }: AlertConfig, at: number): Decision | undefined {
  if (kind === 'escalation') return undefined;
  const limits = { cooldownMinutes: upgraded ? 0 : schedule.cooldown, maxPerHour: schedule.maxAlertsHour };
  const permission = mayTell(told, at, limits);
  return permission.ok ? undefined : { do: 'hold', until: permission.until, why: permission.why };
}
