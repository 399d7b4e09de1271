/** An alert as a message tells of it. */
export interface AlertNotice {
  /** `<resource>-<signal>`: the same each time this signal of this resource breaches. */
  id: string;
  level: 'warning' | 'critical';
  /** The signal: cpu, memory, disk, connectivity, zfs-errors … */
  type: string;
  resourceId: string;
  resourceName: string;
  resourceType: string;
  node: string;
  instance: string;
  /** One sentence for people. */
  message: string;
  value: number;
  threshold: number;
  /** What stands behind figures: `%`, `°C`, `MiB/s`, `d`, or nothing. */
  unit: string;
  /** Milliseconds since 1970. */
  startedAt: number;
  /** Milliseconds since 1970; null while it lasts. */
  resolvedAt: number | null;
  acknowledged: boolean;
  acknowledgedAt: number | null;
  acknowledgedBy: string | null;
  metadata: Record<string, unknown>;
}

/** Why somebody is told. `summary`: what was held back in quiet hours. */
export type MessageKind = 'firing' | 'resolved' | 'escalation' | 'summary' | 'test';

/** What is told to somebody through one channel. */
export interface AlertMessage {
  /** Names this message for ever: whoever gets it twice can tell. */
  id: string;
  kind: MessageKind;
  /** At least one, the worst first; those that did not fit are only counted. */
  alerts: AlertNotice[];
  /** How many alerts it is about, those left out included. */
  total: number;
  /** Milliseconds since 1970. */
  createdAt: number;
  /** Where people find Lapwing; empty when nobody has said. */
  publicUrl: string;
}
