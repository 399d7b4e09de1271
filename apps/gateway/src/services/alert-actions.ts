import type { Bus } from '@lapwing/bus';
import { LapwingError, alertAcknowledge, alertClear, type Actor, type Alert, type OutputOf } from '@lapwing/contracts';

/** What people do to open alerts. */
export type AlertAction = 'acknowledge' | 'unacknowledge' | 'clear';

/** An answer tells each alert whole: so many of them fit into a message. */
const AT_ONCE = 50;

type Results = OutputOf<typeof alertClear>['results'];

/** Does something to open alerts, and tells of each whether there was one. */
export async function actOnAlerts(bus: Bus, actor: Actor, action: AlertAction, ids: string[]): Promise<Results> {
  const all: Results = [];
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const some = { actor, ids: ids.slice(at, at + AT_ONCE) };
    const answer =
      action === 'clear'
        ? await bus.request(alertClear, some)
        : await bus.request(alertAcknowledge, { ...some, acknowledged: action === 'acknowledge' });
    all.push(...answer.results);
  }
  return all;
}

/** The same to one alert, which is answered as it is then. Throws `NOT_FOUND`. */
export async function actOnAlert(bus: Bus, actor: Actor, action: AlertAction, id: string): Promise<Alert> {
  const [result] = await actOnAlerts(bus, actor, action, [id]);
  if (!result?.found || !result.alert) throw new LapwingError('NOT_FOUND', `no open alert "${id.slice(0, 200)}"`);
  return result.alert;
}
