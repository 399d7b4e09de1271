import {
  LapwingError,
  LogRule,
  alertConfigUpdate,
  auditOccurred,
  defaultAlertConfig,
  logmatchCount,
  logruleCreate,
  logruleDelete,
  logruleUpdate,
  type InputOf,
} from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { hashOf } from '../src/http/credential';
import { Alerting } from './alerting';
import { Harness, principal } from './harness';

const PATH = '/api/v1/alerts/log-rules';
const rule = LogRule.parse({ id: 'nginx', name: 'nginx errors', agentId: 'web-1', pattern: 'refused', count: 10 });
const shown = {
  id: 'nginx',
  name: 'nginx errors',
  enabled: true,
  agent_id: 'web-1',
  source: null,
  source_name: null,
  levels: null,
  query: null,
  pattern: 'refused',
  count: 10,
  critical_count: null,
  window_seconds: 300,
  level: 'warning',
};

describe('rules on logs', () => {
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
    const written = (draft: InputOf<typeof logruleCreate>['draft'], id: string): LogRule => ({ ...draft, id });
    await alerting.answer(logruleCreate, ({ draft }) => written(draft, draft.id ?? 'made'));
    await alerting.answer(logruleUpdate, ({ draft, id }) => written(draft, id));
    await alerting.answer(logruleDelete, () => ({}));
    const examples = [{ time: Date.UTC(2026, 0, 15, 10), name: 'nginx.service', message: 'refused\n\u0000<b>' }];
    await alerting.answer(logmatchCount, () => ({
      agents: [
        { agentId: 'web-1', count: 7, examples },
        { agentId: 'web-2', count: 2, examples: [] },
      ],
    }));
  });
  beforeEach(() => {
    alerting.config = { ...defaultAlertConfig, logRules: [rule] };
    alerting.refusal = undefined;
  });
  afterAll(() => gateway.stop());

  it('are listed, added, replaced and removed', async () => {
    expect((await gateway.get(PATH)).body).toEqual({ rules: [shown] });
    const { id: _id, ...body } = shown;
    expect(await gateway.post(PATH, body)).toMatchObject({ status: 201, body: { ...body, id: 'made' } });
    expect(alerting.lastOf(logruleCreate)).toMatchObject({
      actor: { name: 'token:test' },
      draft: { agentId: 'web-1', windowSeconds: 300, criticalCount: null },
    });
    const short = { name: 'x', levels: ['error'], count: 1, window_seconds: 60, critical_count: 5 };
    expect(await gateway.send('PUT', `${PATH}/nginx`, short)).toMatchObject({
      status: 200,
      body: { id: 'nginx', name: 'x', levels: ['error'], window_seconds: 60, critical_count: 5, pattern: null },
    });
    expect((await gateway.send('DELETE', `${PATH}/nginx`)).status).toBe(204);
    expect(alerting.lastOf(logruleDelete)).toMatchObject({ id: 'nginx' });
  });

  it.each<[string, unknown]>([
    ['no name', { ...shown, name: undefined }],
    ['an unknown field', { ...shown, colour: 'red' }],
    ['a camel-case field', { ...shown, windowSeconds: 60 }],
    ['a count of 0', { ...shown, count: 0 }],
    ['a count that is text', { ...shown, count: '10' }],
    ['too short a window', { ...shown, window_seconds: 1 }],
    ['an unknown level of lines', { ...shown, levels: ['loud'] }],
    ['a pattern that is too long', { ...shown, pattern: 'x'.repeat(501) }],
    ['a list', []],
  ])('are refused: %s', async (_, body) => expect((await gateway.post(PATH, body)).status).toBe(400));

  it('are refused in the words of the service', async () => {
    alerting.refusal = new LapwingError('INVALID_INPUT', 'pattern: missing closing ]');
    expect(await gateway.post(PATH, shown)).toMatchObject({
      status: 400,
      body: { error: 'pattern: missing closing ]' },
    });
    alerting.refusal = new LapwingError('NOT_FOUND', 'there is no rule of this id');
    expect((await gateway.send('DELETE', `${PATH}/x`)).status).toBe(404);
  });

  it('are tried before they hold', async () => {
    const { status, body } = await gateway.post(`${PATH}/test`, { ...shown, window_seconds: 60 });
    expect(status).toBe(200);
    expect(body).toEqual({
      from: expect.any(String) as string,
      to: expect.any(String) as string,
      total: 9,
      agents: [
        {
          agent_id: 'web-1',
          count: 7,
          examples: [{ timestamp: '2026-01-15T10:00:00Z', name: 'nginx.service', message: 'refused\n\u0000<b>' }],
        },
        { agent_id: 'web-2', count: 2, examples: [] },
      ],
    });
    const { filter } = alerting.lastOf(logmatchCount) as InputOf<typeof logmatchCount>;
    expect(filter).toMatchObject({ agentId: 'web-1', pattern: 'refused', name: null, levels: null });
    expect(filter.to - filter.from).toBe(60_000);
    alerting.refusal = new LapwingError('TIMEOUT', 'the search took too long');
    expect((await gateway.post(`${PATH}/test`, shown)).status).toBe(503);
  });

  it('want the permission of what is done, and of lines whoever tries one', async () => {
    const viewer = as('viewer', ['alerts:view']);
    expect((await gateway.get(PATH, viewer)).status).toBe(200);
    for (const [method, path] of [
      ['POST', PATH],
      ['PUT', `${PATH}/nginx`],
      ['DELETE', `${PATH}/nginx`],
      ['POST', `${PATH}/test`],
    ] as const)
      expect((await gateway.send(method, path, {}, viewer)).status).toBe(403);
    const reader = as('reader', ['logs:view']);
    expect((await gateway.send('POST', `${PATH}/test`, shown, reader)).status).toBe(200);
  });

  it('are a part of the rules, as both APIs write them', async () => {
    expect((await gateway.get('/api/alerts/config')).body).toMatchObject({ logRules: [rule] });
    await gateway.send('PUT', '/api/alerts/config', { logRules: [rule, { ...rule, id: 'other' }] });
    expect(alerting.lastOf(alertConfigUpdate)).toMatchObject({ patch: { logRules: [rule, { id: 'other' }] } });
    await gateway.send('PUT', '/api/alerts/config', { enabled: true });
    expect(alerting.lastOf(alertConfigUpdate)).not.toHaveProperty('patch.logRules');

    const { body } = await gateway.get('/api/v1/alerts/config');
    expect(body).toMatchObject({ cpu: { warning: 80 }, log_rules: [shown, { id: 'other' }] });
    const changed = await gateway.send('PUT', '/api/v1/alerts/config', { log_rules: [{ ...shown, count: 5 }] });
    expect(changed).toMatchObject({ status: 200, body: { log_rules: [{ id: 'nginx', count: 5 }] } });
    expect(alerting.lastOf(alertConfigUpdate)).toEqual({
      actor: expect.anything() as unknown,
      patch: { logRules: [{ ...rule, count: 5 }] },
      replace: false,
    });
    await gateway.post('/api/v1/alerts/config', { cpu: { warning: 70 } });
    expect(alerting.lastOf(alertConfigUpdate)).not.toHaveProperty('patch.logRules');
    expect((await gateway.post('/api/v1/alerts/config', { log_rules: [{ name: 'x' }] })).status).toBe(400);
  });

  it('leave in the audit trail who changed which', async () => {
    const told: unknown[] = [];
    gateway.bus.listen(auditOccurred, '*', ({ type, action, target }) => told.push([type, action, target]));
    await eventually(async () => {
      await gateway.post(PATH, shown);
      await gateway.send('PUT', `${PATH}/nginx`, shown);
      await gateway.send('DELETE', `${PATH}/nginx`);
      expect(told).toContainEqual(['log_rule', 'created', 'nginx errors']);
      expect(told).toContainEqual(['log_rule', 'updated', 'nginx']);
      expect(told).toContainEqual(['log_rule', 'deleted', 'nginx']);
    });
  });
});
