import { logCollected, logDeliveryGet, logsStored, type LogBatch, type SeqRange } from '@lapwing/contracts';
import { databaseKinds, eventually } from '@lapwing/testing';
import { connect } from '@nats-io/transport-node';
import { DeliveryStore } from '../src/store/delivery.store';
import { Harness, OUTBOX, batch, line } from './harness';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe.each(databaseKinds())('storing lines on %s', (kind) => {
  let store: Harness;
  let now: number;

  beforeEach(async () => {
    store = await Harness.start(kind);
    now = Date.now();
  });
  afterEach(() => store.stop());

  const some = (seq: number, count = 3): LogBatch =>
    batch(
      seq,
      Array.from({ length: count }, (_, index) => line(`batch ${seq} line ${index}`, now - MINUTE + seq)),
    );
  const messages = async (): Promise<string[]> =>
    (await store.rows<{ message: string }>('SELECT message FROM logs.entry ORDER BY seq, line')).map(
      ({ message }) => message,
    );
  const expected = (seqs: number[], count = 3): string[] =>
    seqs.flatMap((seq) => Array.from({ length: count }, (_, index) => `batch ${seq} line ${index}`));
  const volume = () =>
    store.rows(
      `SELECT minute, stream_id, level, lines::bigint FROM logs.volume WHERE lines > 0
       EXCEPT SELECT date_trunc('minute', time), stream_id, level, count(*) FROM logs.entry GROUP BY 1, 2, 3`,
    );

  it('keeps each batch once, however often and in whatever message it comes', async () => {
    await store.send([some(1), some(2)]);
    await store.send([some(2), some(1)]);
    await store.send([some(2), some(3), some(3)]);
    await store.send([some(1)]);
    await store.send([some(4)]);
    await eventually(async () => expect(await messages()).toEqual(expected([1, 2, 3, 4])));
    expect(await volume()).toEqual([]);
    expect(await store.total()).toEqual({ total: 12, isEstimate: false });
  });

  it('keeps each batch once when two replicas get it at the same time', async () => {
    await store.serve();
    const seqs = Array.from({ length: 60 }, (_, index) => index + 1);
    await Promise.all(
      [...seqs, ...seqs.toReversed(), ...seqs].map((seq) => store.send([some(seq), some((seq % 60) + 1)])),
    );
    await eventually(async () => expect((await messages()).toSorted()).toEqual(expected(seqs).toSorted()), 60_000);
    await store.send([some(61)]);
    await store.until(61 * 3);
    expect(await volume()).toEqual([]);
  });

  it('keeps each batch once while what is known of batches is folded', async () => {
    await store.suspend();
    const deliveries = new DeliveryStore(store.postgres);
    const seqs = Array.from({ length: 200 }, (_, index) => index + 1);
    await Promise.all(seqs.flatMap((seq) => [store.send([some(seq)]), store.send([some(seq)])]));
    await store.serve();
    await eventually(async () => {
      await deliveries.tidy(now - DAY);
      return (await store.count()) === 600;
    }, 60_000);
    await Promise.all(seqs.map((seq) => store.send([some(seq)])));
    await store.send([some(201)]);
    await store.until(603);
    await deliveries.tidy(now - DAY);
    expect(await store.rows('SELECT seq, upto FROM logs.batch')).toEqual([{ seq: 1, upto: 201 }]);
  });

  it('stores all of it once when the database cuts its connections again and again', async () => {
    for (let seq = 1; seq <= 60; seq++) {
      await store.send([some(seq)]);
      if (seq % 10 === 0)
        await store.rows(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND application_name = 'lapwing-log-store'`,
        );
    }
    await store.until(180);
    expect(await messages()).toEqual(expected(Array.from({ length: 60 }, (_, index) => index + 1)));
    expect(await volume()).toEqual([]);
  });

  it('stores what came while it was stopped', async () => {
    await store.suspend();
    await store.send([some(1), some(2)]);
    expect(await store.count()).toBe(0);
    await store.serve();
    await store.until(6);
    expect(await messages()).toEqual(expected([1, 2]));
  });

  it('tells the collector what is safe, after the commit, and what was safe before', async () => {
    const heard: SeqRange[] = [];
    store.bus.listen(logsStored, 'web-1', ({ ranges }) => heard.push(...ranges));
    await store.send([1, 2, 3, 7].map((seq) => some(seq)));
    await eventually(() =>
      expect(heard).toEqual([
        [1, 3],
        [7, 7],
      ]),
    );
    expect(await store.count()).toBe(12);
    await store.send([some(2)]);
    await eventually(() => expect(heard.at(-1)).toEqual([2, 2]));
  });

  it('answers what became of batches, folded or not', async () => {
    const deliveries = new DeliveryStore(store.postgres);
    await store.send([1, 2, 3, 5, 6, 9].map((seq) => some(seq)));
    await store.until(18);
    const ask = (seqs: SeqRange, outbox = OUTBOX) => store.bus.inquire(logDeliveryGet, 'web-1', { outbox, seqs });
    for (let round = 0; round < 2; round++) {
      expect((await ask([1, 100])).stored).toEqual([
        [1, 3],
        [5, 6],
        [9, 9],
      ]);
      expect((await ask([2, 5])).stored).toEqual([
        [2, 3],
        [5, 5],
      ]);
      expect((await ask([7, 8])).stored).toEqual([]);
      expect((await ask([1, 9], 'another0')).stored).toEqual([]);
      await deliveries.tidy(now - DAY);
    }
    expect(await store.count('logs.batch')).toBe(3);
    await deliveries.tidy(Date.now() + DAY);
    expect((await ask([1, 100])).stored).toEqual([]);
    const { position } = await store.send([some(10)]);
    await eventually(async () =>
      expect(await ask([1, 100])).toEqual({ stored: [[10, 10]], handledUpTo: position, streamEnd: position }),
    );
  });

  it('keeps lines apart that are read again into a new outbox', async () => {
    await store.send([some(1)]);
    await store.send([some(1)], { outbox: 'another00000' });
    await store.until(6);
    const ids = (await store.pages({}, 4)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(6);
  });

  it('gives lines from a clock that is far ahead the time at which they came, and keeps what they said', async () => {
    const soon = Date.now() + 9000;
    await store.send([batch(1, [line('soon', soon), line('much later', now + HOUR), line('never', 8.64e15)])]);
    await store.until(3);
    const found = await store.pages({}, 10);
    expect(found.map(({ message }) => message)).toEqual(['soon', 'never', 'much later']);
    expect(found[2]?.fields).toEqual({ original_time: new Date(now + HOUR).toISOString() });
    expect(Math.abs((found[2]?.time ?? 0) - now)).toBeLessThan(30_000);
    expect(found[0]).toMatchObject({ time: soon, fields: {} });
  });

  it('gives lines that are older than what is kept the time at which they came, too', async () => {
    await store.send([batch(1, [line('ancient', 0), line('old', now - 15 * DAY)])]);
    await store.send([batch(2, [line('young', now - 13 * DAY)])]);
    await store.until(3);
    const found = await store.pages({}, 10);
    expect(found.map(({ message, fields }) => [message, fields['original_time']])).toEqual([
      ['old', new Date(now - 15 * DAY).toISOString()],
      ['ancient', '1970-01-01T00:00:00.000Z'],
      ['young', undefined],
    ]);
  });

  it('takes the lines of an agent with too many names under one', async () => {
    const names = (from: number) =>
      Array.from({ length: 1000 }, (_, index) => line('l', now, { name: `n${from + index}` }));
    for (let from = 0; from < 11_000; from += 1000) await store.send([batch(from / 1000 + 1, names(from))]);
    await store.until(11_000);
    const rows = await store.rows<{ n: number }>('SELECT count(*) AS n FROM logs.stream');
    expect(rows[0]?.n).toBeLessThanOrEqual(11_000);
    await store.send([batch(12, [line('late', now, { name: 'one more' })])]);
    await store.until(11_001);
    expect((await store.pages({ query: 'late' }, 10)).map(({ name }) => name)).toEqual(['(others)']);
  });

  it('stores hostile lines as data', async () => {
    const fields = Object.fromEntries(
      Array.from({ length: 32 }, (_, index) => [`${'k'.repeat(60)}${index}`, '\u001B[31m\0'.repeat(128)]),
    );
    const hostile = [
      line('a\0b\u001B[2Jc\rd\r\ne', now, { name: '\u001B[1mevil\nname', fields }),
      line(`half \uD800 of a pair ${'😀'.repeat(8000)}`, now + 1, { fields: { '\0': '\uDC00' } }),
      line('', now + 2, { name: '\u001B[2J' }),
      line("'; DROP TABLE logs.entry; --", now + 3),
    ];
    await store.send([batch(1, hostile)]);
    await store.until(4);
    const [sql, empty, emoji, control] = await store.pages({}, 10);
    expect(sql?.message).toBe("'; DROP TABLE logs.entry; --");
    expect([empty?.message, empty?.name]).toEqual(['', '?']);
    expect(emoji?.message.startsWith('half � of a pair 😀')).toBe(true);
    expect(emoji?.fields).toEqual({ '�': '�' });
    expect([control?.message, control?.name]).toEqual(['a�bc d\ne', 'evil name']);
    expect(Object.values(control?.fields ?? {})).toEqual(Array.from({ length: 32 }, () => '�'.repeat(128)));
  });

  it('does not believe a message about another agent than its subject, and goes on after one that is malformed', async () => {
    await store.bus.publish(logCollected, 'web-2', { agentId: 'web-1', outbox: OUTBOX, batches: [some(1)] });
    const raw = await connect({ servers: store.nats.url });
    raw.publish('evt.log.collected.v1.web-1', '{"agentId":"web-1","outbox":"0a1b2c3d4e5f","batches":[{"seq":1}]}');
    await raw.drain();
    await store.send([some(2)]);
    await store.until(3);
    expect(await messages()).toEqual(expected([2]));
  });

  it('keeps the order of a file whose lines have one time', async () => {
    const seqs = Array.from({ length: 30 }, (_, index) => index + 1);
    const same = (seq: number): LogBatch =>
      batch(
        seq,
        Array.from({ length: 20 }, (_, index) => line(`${seq}.${index}`, now)),
      );
    await Promise.all(seqs.toReversed().map((seq) => store.send([same(seq)])));
    await store.until(600);
    const inOrder = seqs.flatMap((seq) => Array.from({ length: 20 }, (_, index) => `${seq}.${index}`));
    expect((await store.pages({}, 77)).map(({ message }) => message)).toEqual(inOrder.toReversed());
  });
});
