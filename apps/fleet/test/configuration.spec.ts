import { Bus } from '@lapwing/bus';
import {
  guestmetadataList,
  guestmetadataUpdate,
  nodeChanged,
  nodeCreate,
  nodeDelete,
  nodeList,
  nodeUpdate,
  ownedConfiguration,
  sealedFor,
  targetList,
  type ConfigurationPart,
  type PayloadOf,
} from '@lapwing/contracts';
import { Postgres } from '@lapwing/postgres';
import { SecretKey } from '@lapwing/service';
import { eventually } from '@lapwing/testing';
import { randomUUID } from 'node:crypto';
import { Fleet, actor } from './harness';

const { list, stage, apply, discard } = ownedConfiguration.fleet;
const key = new SecretKey(Buffer.from('ab'.repeat(32), 'hex'));
type Entry = Record<string, unknown>;

describe('the configuration of fleet', () => {
  let fleet: Fleet;
  let settings: Bus;
  let poller: Bus;
  let postgres: Postgres;

  beforeAll(async () => {
    fleet = await Fleet.start();
    settings = await fleet.open('settings');
    poller = await fleet.open('poller');
    postgres = new Postgres({ service: 'test', url: fleet.database.url });
  });
  afterAll(async () => {
    await postgres.onApplicationShutdown();
    await Promise.all([settings, poller].map((bus) => bus.onApplicationShutdown()));
    await fleet.stop();
  });

  const exported = async (): Promise<ConfigurationPart[]> => {
    const found: ConfigurationPart[] = [];
    for (let after: string | null = ''; after !== null;) {
      const answer: { parts: ConfigurationPart[]; next: string | null } = await settings.request(list, { after });
      found.push(...answer.parts);
      after = answer.next;
    }
    return found;
  };
  const entriesOf = (parts: ConfigurationPart[], section: string): Entry[] =>
    parts.filter((part) => part.section === section).flatMap(({ entries }) => entries as Entry[]);
  const staged = async (parts: ConfigurationPart[], importId: string = randomUUID()): Promise<string> => {
    for (const [number, part] of parts.entries())
      await settings.request(stage, { importId, number, part, isLast: number === parts.length - 1 });
    return importId;
  };
  const refusal = (promise: Promise<unknown>): Promise<unknown[]> =>
    promise.then(
      () => ['fine'],
      (error: { code: string; details: Record<string, unknown> }) => [
        error.code,
        error.details['section'],
        error.details['field'],
      ],
    );
  const nodes = async () => (await fleet.bus.request(nodeList, {})).nodes;
  const secrets = async (): Promise<Record<string, unknown>> => {
    const { targets } = await poller.request(targetList, {});
    return Object.fromEntries(
      targets.map(({ id, sealed }) => [id, JSON.parse(key.open(sealedFor(id), Buffer.from(sealed, 'base64')))]),
    );
  };
  const fill = async () => {
    for (const { id } of await nodes()) await fleet.bus.request(nodeDelete, { actor, id });
    const one = { type: 'pve' as const, name: 'home', host: 'pve1', user: 'monitor@pve', password: 'pass word' };
    const two = { type: 'pbs' as const, name: 'vault', host: 'pbs1', tokenName: 'a@pbs!x', tokenValue: 'value' };
    await fleet.bus.request(nodeCreate, { actor, draft: { ...one, monitorVMs: false, monitorBackups: true } });
    await fleet.bus.request(nodeCreate, { actor, draft: { ...two, fingerprint: 'AB'.repeat(32) } });
    await fleet.bus.request(guestmetadataUpdate, {
      actor,
      id: 'pve1:100',
      changes: { notes: 'the "wiki"\n', tags: ['web'], consoleUrl: 'https://wiki.example.com' },
    });
  };

  it('comes back as it was, with ids and secrets, and is told of', async () => {
    await fill();
    const before = await exported();
    const [kept, keptSecrets] = [await nodes(), await secrets()];
    expect(entriesOf(before, 'nodes').map((node) => [node['password'], node['tokenValue']])).toEqual(
      expect.arrayContaining([
        ['pass word', ''],
        ['', 'value'],
      ]),
    );
    const [home, vault] = kept;
    if (!home || !vault) throw new Error('nodes');
    // Since then: one is gone, one has the other's name, and there is a new one.
    await fleet.bus.request(nodeDelete, { actor, id: home.id });
    await fleet.bus.request(nodeUpdate, { actor, id: vault.id, changes: { name: 'other' } });
    const draft = { type: 'pbs' as const, name: 'vault', host: 'pbs9', user: 'a@pbs', password: 'x' };
    const extra = await fleet.bus.request(nodeCreate, { actor, draft });
    await fleet.bus.request(guestmetadataUpdate, { actor, id: 'pve1:101', changes: { notes: 'later' } });
    const heard: PayloadOf<typeof nodeChanged>[] = [];
    fleet.bus.listen(nodeChanged, '*', (change) => heard.push(change));
    await fleet.bus.connection.link().connection.flush();

    const importId = await staged(before);
    expect((await nodes()).map(({ name }) => name).toSorted()).toEqual(['other', 'vault']);
    await settings.request(apply, { importId });

    expect(await exported()).toEqual(before);
    expect(await secrets()).toEqual(keptSecrets);
    const timeless = (all: Awaited<ReturnType<typeof nodes>>) => all.map(({ updatedAt: _updatedAt, ...node }) => node);
    expect(timeless(await nodes())).toEqual(timeless(kept));
    expect((await fleet.bus.request(guestmetadataList, {})).guests.map(({ id }) => id)).toEqual(['pve1:100']);
    await eventually(() =>
      expect(heard.map(({ nodeId, change }) => `${nodeId} ${change}`).toSorted()).toEqual(
        [`${extra.id} deleted`, `${home.id} added`, `${vault.id} updated`].toSorted(),
      ),
    );
  });

  it('is applied once, however often it is asked, and what did not change is not told of', async () => {
    await fill();
    const importId = await staged(await exported());
    const heard: unknown[] = [];
    fleet.bus.listen(nodeChanged, '*', (change) => heard.push(change));
    await fleet.bus.connection.link().connection.flush();
    await settings.request(apply, { importId });
    const [first] = await nodes();
    await fleet.bus.request(nodeUpdate, { actor, id: first?.id ?? '', changes: { name: 'renamed later' } });
    await settings.request(apply, { importId });
    expect((await nodes()).map(({ name }) => name)).toContain('renamed later');
    await eventually(() => expect(heard).toHaveLength(1));
    expect(
      await refusal(
        settings.request(stage, { importId, number: 0, part: { section: 'nodes', entries: [] }, isLast: true }),
      ),
    ).toMatchObject(['PRECONDITION_FAILED']);
  });

  it('keeps what was staged sealed, and forgets it when it is applied or discarded', async () => {
    await fill();
    const rows = async (): Promise<{ text: string; raw: string }[]> =>
      (
        await postgres.query<{ text: string; raw: string }>(
          'dump',
          `SELECT p::text AS text, encode(sealed, 'escape') AS raw FROM fleet.import_part p`,
        )
      ).rows;
    const importId = await staged(await exported());
    expect(await rows()).toHaveLength(2);
    expect(JSON.stringify(await rows())).not.toContain('pass word');
    await settings.request(discard, { importId });
    expect(await rows()).toEqual([]);
    expect(await refusal(settings.request(apply, { importId }))).toMatchObject(['NOT_FOUND']);
    // A piece that comes late is not kept any more.
    expect(await refusal(staged(await exported(), importId))).toMatchObject(['PRECONDITION_FAILED']);
    const applied = await staged(await exported());
    await settings.request(apply, { importId: applied });
    await settings.request(discard, { importId: applied });
    await settings.request(apply, { importId: applied });
    expect([await rows(), (await nodes()).length]).toEqual([[], 2]);
  });

  it('throws away what others left when a new import begins', async () => {
    await fill();
    const left = await staged(await exported());
    const importId = await staged(await exported());
    expect(await refusal(settings.request(apply, { importId: left }))).toMatchObject(['NOT_FOUND']);
    await settings.request(apply, { importId });
    expect(await nodes()).toHaveLength(2);
  });

  it('empties a section that is empty in the file, and leaves one alone that is not in it', async () => {
    await fill();
    const importId = await staged([{ section: 'guestMetadata', entries: [] }]);
    await settings.request(apply, { importId });
    expect((await fleet.bus.request(guestmetadataList, {})).guests).toEqual([]);
    expect(await nodes()).toHaveLength(2);
  });

  const broken: [string, (parts: ConfigurationPart[]) => ConfigurationPart[], string, string][] = [
    ['a host that is none', changed({ host: 'http://x' }), 'nodes', '0'],
    ['a field of the wrong type', changed({ verifySSL: 'yes' }), 'nodes', '0.verifySSL'],
    ['a field that is missing', changed({ password: undefined }), 'nodes', '0.password'],
    ['a field too many', changed({ role: 'admin' }), 'nodes', '0'],
    ['an id that is none', changed({ id: '../x' }), 'nodes', '0.id'],
    ['no secret at all', changed({ password: '', tokenValue: '' }), 'nodes', '0'],
    [
      'a character that cannot be kept',
      changed({ caCertificate: '-----BEGIN CERTIFICATE-----\u0000-----END CERTIFICATE-----' }),
      'nodes',
      '0',
    ],
    ['two of one id', double, 'nodes', '1.id'],
    ['two of one address', (parts) => double(parts, { id: 'pve-2', name: 'x' }), 'nodes', '1.host'],
    ['two of one name', (parts) => double(parts, { id: 'pve-2', host: 'x' }), 'nodes', '1.name'],
    ['notes of a guest that is none', guest({ id: 'x' }), 'guestMetadata', '0.id'],
    ['notes with a bad URL', guest({ consoleUrl: 'javascript:1' }), 'guestMetadata', '0.consoleUrl'],
    ['notes with half of a pair', guest({ notes: '\ud800' }), 'guestMetadata', '0'],
  ];

  function changed(fields: Entry) {
    return (parts: ConfigurationPart[]): ConfigurationPart[] => [
      { section: 'nodes', entries: [{ ...entriesOf(parts, 'nodes')[0], ...fields }] },
    ];
  }
  function double(parts: ConfigurationPart[], fields: Entry = {}): ConfigurationPart[] {
    const [first] = entriesOf(parts, 'nodes');
    return [{ section: 'nodes', entries: [first, { ...first, ...fields }] }];
  }
  function guest(fields: Entry) {
    return (parts: ConfigurationPart[]): ConfigurationPart[] => [
      ...parts.filter(({ section }) => section === 'nodes'),
      { section: 'guestMetadata', entries: [{ ...entriesOf(parts, 'guestMetadata')[0], ...fields }] },
    ];
  }

  it.each(broken)('refuses %s, by section and field, and changes nothing', async (_, breakIt, section, field) => {
    await fill();
    const before = await exported();
    expect(await refusal(staged(breakIt(before)))).toEqual(['INVALID_INPUT', section, field]);
    expect(await exported()).toEqual(before);
  });

  it('refuses sections of others', async () => {
    expect(await refusal(staged([{ section: 'webhooks', entries: [] }]))).toEqual(['INVALID_INPUT', 'webhooks', '']);
  });

  it('is told to settings alone', async () => {
    expect(await refusal(fleet.bus.request(list, {}))).not.toEqual(['fine']);
    expect(await refusal(poller.request(list, {}))).not.toEqual(['fine']);
    const importId = randomUUID();
    expect(await refusal(fleet.bus.request(apply, { importId }))).not.toMatchObject(['NOT_FOUND']);
  });
});
