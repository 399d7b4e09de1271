import type { MailGateway } from '@lapwing/contracts';
import { hashOf, mix } from './hash.js';
import { HOUR, round2, swing, uptimeOf, type Clock } from './motion.js';

const SEED = hashOf('pmg:mock-pmg');
const HOURS = 24;
/** Of a hundred mails that come in, how many have which fate. */
const shares = {
  spamIn: 0.31,
  spamOut: 0.01,
  virusIn: 0.004,
  virusOut: 0,
  bouncesIn: 0.012,
  bouncesOut: 0.006,
  rblRejects: 0.22,
  pregreetRejects: 0.03,
  greylisted: 0.14,
};
const fates = Object.keys(shares) as (keyof typeof shares)[];

type HourCount = MailGateway['hours'][number];
type Counts = Omit<HourCount, 'at' | 'count' | 'index'>;

/** The mail gateway with its two nodes at an instant. The mails of the day are those of its 24 hours. */
export function mailGatewayAt(clock: Clock): MailGateway {
  const hours = hoursAt(clock);
  const mail = sum(hours);
  return {
    nodes: [nodeAt('mock-pmg1', 'master', clock), nodeAt('mock-pmg2', 'node', clock)],
    mail: {
      ...mail,
      bytesIn: mail.countIn * 74_000,
      bytesOut: mail.countOut * 91_000,
      junkIn: mail.spamIn + mail.virusIn + mail.rblRejects,
      averageProcessMs: Math.round(640 + 180 * swing(mix(SEED, 1), clock)),
    },
    hours,
    // Most of it scores low; PMG tells 0 to 9, and all that is beyond as 10.
    spamScores: Array.from({ length: 11 }, (_, score) => ({
      score: String(score),
      count: Math.round(mail.countIn * (score === 0 ? 0.55 : 0.126 * 0.76 ** (score - 1))),
    })),
    quarantine: {
      spam: Math.round(182 + 40 * swing(mix(SEED, 2), clock)),
      virus: Math.round(4 + 2 * swing(mix(SEED, 3), clock)),
      attachment: Math.round(7 + 3 * swing(mix(SEED, 4), clock)),
      blacklisted: 12,
    },
    readAt: clock.now,
  };
}

function nodeAt(name: string, role: string, clock: Clock): MailGateway['nodes'][number] {
  const seed = hashOf(`pmg:${name}`);
  const around = (salt: number, base: number) => Math.round(base * (1 + 0.9 * swing(mix(seed, salt), clock)));
  return {
    name,
    status: 'online',
    role,
    uptime: uptimeOf(seed, clock.now),
    loadAverage: [1, 2, 3].map((salt) => round2(0.6 + 0.4 * swing(mix(seed, salt), clock)).toFixed(2)).join(' '),
    queue: {
      active: around(4, 6),
      deferred: around(5, 14),
      hold: 0,
      incoming: around(6, 4),
      oldestAge: around(7, 900),
    },
  };
}

/** The last 24 hours, the oldest first; of the present one there is only what has come so far. */
function hoursAt({ now, moving }: Clock): HourCount[] {
  const present = Math.floor(now / HOUR);
  const from = Math.max(0, present - HOURS + 1);
  return Array.from({ length: present - from + 1 }, (_, index) => {
    const at = (from + index) * HOUR;
    const part = Math.min(1, (now - at) / HOUR);
    const many = 420 * (1 + 0.8 * swing(mix(SEED, 5), { now: at, moving }));
    const counts = countsOf(Math.floor(many * part), Math.floor(many * part * 0.4));
    return { ...counts, at, count: counts.countIn + counts.countOut, index };
  });
}

function countsOf(countIn: number, countOut: number): Counts {
  const of = (fate: keyof typeof shares) => Math.floor((fate.endsWith('Out') ? countOut : countIn) * shares[fate]);
  const counted = Object.fromEntries(fates.map((fate) => [fate, of(fate)])) as Record<keyof typeof shares, number>;
  return { countIn, countOut, ...counted };
}

function sum(hours: HourCount[]): Counts {
  const names = ['countIn', 'countOut', ...fates] as const;
  const total = countsOf(0, 0);
  for (const hour of hours) for (const name of names) total[name] += hour[name];
  return total;
}
