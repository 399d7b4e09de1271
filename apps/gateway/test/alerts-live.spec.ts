import { eventually } from '@lapwing/testing';
import { WebSocket } from 'ws';
import { hashOf } from '../src/http/credential';
import { Alerting, BEGAN, diskAlert, guestAlert, openAlert, pastAlert } from './alerting';
import { ADMIN_TOKEN, Follower, Harness, principal } from './harness';

describe('alerts, live', () => {
  let gateway: Harness;
  let alerting: Alerting;
  const as = (token: string, permissions: string[]) => {
    gateway.behind.principals.set(
      hashOf(token),
      principal(permissions, { id: `018f3c1e-7d2a-4c3b-9a54-${hashOf(token).slice(0, 12)}` }),
    );
    return { authorization: `Bearer ${token}` };
  };

  beforeAll(async () => {
    gateway = await Harness.start();
    alerting = await Alerting.play(gateway.bus);
  });
  beforeEach(() => {
    alerting.open = [openAlert(), diskAlert, guestAlert];
    alerting.past = [pastAlert];
    alerting.refusal = undefined;
  });
  afterAll(() => gateway.stop());

  describe('in the state', () => {
    const ids = async () =>
      ((await gateway.get('/api/state')).body as { activeAlerts: { id: string }[] }).activeAlerts.map(({ id }) => id);

    it('stand as they are, and change as they change', async () => {
      alerting.news();
      await eventually(async () =>
        expect((await ids()).toSorted()).toEqual([guestAlert.id, 'web-1-cpu', diskAlert.id].toSorted()),
      );
      const { activeAlerts } = (await gateway.get('/api/state')).body as { activeAlerts: object[] };
      expect(activeAlerts[0]).not.toHaveProperty('metadata');
      const fresh = openAlert({ id: 'new', occurrence: 9, startedAt: BEGAN + 1000 });
      alerting.open = [fresh, openAlert(), diskAlert];
      await alerting.say('resolved', { ...guestAlert, resolvedAt: BEGAN + 1, resolution: 'recovered' });
      await alerting.say('fired', fresh);
      await eventually(async () => expect(await ids()).toEqual(['new', diskAlert.id, 'web-1-cpu']));
      // Of what is gone without a word, the next look tells.
      alerting.open = [diskAlert];
      alerting.news();
      await eventually(async () => expect(await ids()).toEqual([diskAlert.id]));
    });

    it('are told to sockets as they begin and end', async () => {
      const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/ws`, {
        headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      });
      const messages: { type: string; data: object }[] = [];
      socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString()) as (typeof messages)[0]));
      await eventually(() => expect(messages.map(({ type }) => type)).toContain('initialState'));
      await alerting.say('fired', diskAlert);
      await alerting.say('level', diskAlert);
      await alerting.say('cleared', { ...diskAlert, resolvedAt: BEGAN, resolution: 'cleared' });
      await eventually(() => expect(messages.map(({ type }) => type)).toContain('alertResolved'));
      expect(messages.filter(({ type }) => type.startsWith('alert'))).toMatchObject([
        { type: 'alert', data: { id: diskAlert.id, metadata: { score: 90 } } },
        { type: 'alertResolved', data: { alertId: diskAlert.id } },
      ]);
      socket.close();
    });
  });

  describe('as they happen', () => {
    const followers: Follower[] = [];
    const follow = async (headers: Record<string, string> = {}, query = ''): Promise<Follower> => {
      const follower = await Follower.open(`${gateway.url}/api/v1/alerts/stream${query}`, {
        ...(query === '' && { authorization: `Bearer ${ADMIN_TOKEN}` }),
        ...headers,
      });
      followers.push(follower);
      return follower;
    };
    const told = (follower: Follower) =>
      follower.events.map(({ data }) => (data as { alert?: { id: string } }).alert?.id);
    afterEach(() => {
      for (const follower of followers.splice(0)) follower.close();
    });

    it('are told from now on, and again after a break, each once', async () => {
      await alerting.say('fired', openAlert({ id: 'before' }));
      const first = await follow();
      // Until the gateway follows, what is said is not for this client.
      let last = 0;
      await eventually(async () => {
        last = await alerting.say('fired', openAlert({ id: 'a' }));
        expect(told(first)).toContain('a');
      });
      await eventually(() => expect(first.events.at(-1)?.id).toBe(String(last)));
      expect(told(first)).not.toContain('before');
      expect(first.events.at(-1)).toMatchObject({
        event: 'alert',
        data: { change: 'fired', alert: { id: 'a', severity: 'medium' }, time: expect.stringMatching(/Z$/) as unknown },
      });
      first.close();
      await alerting.say('fired', openAlert({ id: 'b' }));
      await alerting.say('level', openAlert({ id: 'b' }));
      const second = await follow({ 'last-event-id': String(last) });
      await alerting.say('fired', openAlert({ id: 'c' }));
      await eventually(() => expect(told(second)).toEqual(['b', 'b', 'c']));
    });

    it('are told with a gap when not all can be given back', async () => {
      const position = await alerting.say('fired', openAlert({ id: 'a' }));
      const follower = await follow({ 'last-event-id': String(position + 1000) });
      await eventually(() => expect(follower.events).toMatchObject([{ event: 'gap' }]));
      expect(
        (await gateway.get('/api/v1/alerts/stream', { ...as('x', ['*']), 'last-event-id': 'nonsense' })).status,
      ).toBe(400);
    });

    it('are told to whoever may see them, by token in the query, until the token ends', async () => {
      expect((await gateway.get('/api/v1/alerts/stream', as('blind', ['dashboard:view']))).status).toBe(403);
      as('brief', ['alerts:view']);
      const follower = await follow({}, '?token=brief');
      gateway.revoke('brief');
      await eventually(() => expect(follower.ended).toBe(true));
      expect(follower.events.at(-1)).toMatchObject({ event: 'error' });
    });
  });
});
