import { ContainerLines, sinceOf, stampAt, type ContainerPosition } from './container-lines';
import { DockerMessages, MAX_MESSAGE_BYTES } from './docker-messages';

type Printed = [stream: 'out' | 'err', at: string, text: string];
const SECOND = 1_795_294_800;
const stamp = (nanoseconds: number, seconds = SECOND): string => `${seconds}.${String(nanoseconds).padStart(9, '0')}`;

function frame(stream: 'out' | 'err', text: string | Buffer): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = stream === 'out' ? 1 : 2;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}
function encode([stream, at, text]: Printed): Buffer {
  const [seconds = '', nanoseconds = ''] = at.split('.');
  const time = new Date(Number(seconds) * 1000).toISOString().replace('.000Z', `.${nanoseconds}Z`);
  return frame(stream, `${time} ${text}`);
}
function all(lines: ContainerLines): string[] {
  const found: string[] = [];
  for (let line = lines.next(); line !== undefined; line = lines.next()) if (line) found.push(line.text);
  return found;
}

describe('what the engine sends of a log', () => {
  const stream = Buffer.concat([frame('out', 'one ä\n'), frame('err', ''), frame('err', 'two'), frame('out', '\n')]);
  const expected = [
    ['out', 'one ä\n'],
    ['err', ''],
    ['err', 'two'],
    ['out', '\n'],
  ];
  const drain = (messages: DockerMessages): string[][] => {
    const found: string[][] = [];
    for (let message = messages.next(); message; message = messages.next())
      found.push([message.stream, message.payload.toString()]);
    return found;
  };

  it('is the same messages, wherever its frames are cut', () => {
    for (let one = 0; one <= stream.length; one += 1)
      for (let two = one; two <= stream.length; two += 1) {
        const messages = new DockerMessages(false);
        const parts = [stream.subarray(0, one), stream.subarray(one, two), stream.subarray(two)];
        const found = parts.flatMap((part) => {
          messages.push(part);
          return drain(messages);
        });
        expect(found).toEqual(expected);
      }
  });

  it('is kept up to a bound: a frame of 10 MB, and a bare line', () => {
    const framed = new DockerMessages(false);
    const bare = new DockerMessages(true);
    const huge = Buffer.alloc(10_000_000, 0x78);
    const input = {
      framed: Buffer.concat([frame('err', huge), frame('out', 'after\n')]),
      bare: Buffer.concat([huge, Buffer.from('\nafter\n')]),
    };
    const found = { framed: [] as [number, number][], bare: [] as [number, number][] };
    for (let at = 0; at < input.framed.length; at += 65_536)
      for (const [name, messages] of [['framed', framed] as const, ['bare', bare] as const]) {
        messages.push(input[name].subarray(at, at + 65_536));
        for (let message = messages.next(); message; message = messages.next())
          found[name].push([message.payload.length, message.bytes]);
        expect(messages.size).toBeLessThanOrEqual(65_536 + MAX_MESSAGE_BYTES);
      }
    expect(found.framed).toEqual([
      [MAX_MESSAGE_BYTES, 10_000_000],
      [6, 6],
    ]);
    expect(found.bare).toEqual([
      [MAX_MESSAGE_BYTES, 10_000_001],
      [6, 6],
    ]);
  });

  it('is rubbish when it has no frames', () => {
    const messages = new DockerMessages(false);
    messages.push(Buffer.from('2026-11-21T21:00:00Z bare\n'));
    expect(() => messages.next()).toThrow('no frames');
  });
});

describe('the lines of a container', () => {
  const pieces = (text: string, at: number, stream: 'out' | 'err' = 'out'): Printed[] =>
    text.match(/.{1,5}$|.{1,5}/gs)?.map((part) => [stream, stamp(at), part]) ?? [];

  it('are put together out of pieces, each stream for itself', () => {
    const lines = new ContainerLines({}, false);
    const printed: Printed[] = [
      ['out', stamp(1), 'first '],
      ['err', stamp(2), 'fault\n'],
      ['out', stamp(3), 'of three '],
      ['out', stamp(3), 'pieces\r\n'],
    ];
    for (const one of printed) lines.push(encode(one));
    expect(lines.next()).toBeNull();
    expect(lines.next()).toEqual({ stream: 'err', text: 'fault', time: SECOND * 1000, originalBytes: undefined });
    expect(lines.position).toEqual({ out: undefined, err: { at: stamp(2), count: 1 } });
    expect(all(lines)).toEqual(['first of three pieces']);
    expect(lines.position.out).toEqual({ at: stamp(3), count: 2 });
  });

  it('have characters that lie across two pieces, and say how long they were', () => {
    const lines = new ContainerLines({}, false);
    const text = Buffer.from('ä'.repeat(40_000));
    const time = Buffer.from('2026-11-21T21:00:00.5Z ');
    for (let at = 0; at < text.length; at += 16_383)
      lines.push(frame('out', Buffer.concat([time, text.subarray(at, at + 16_383)])));
    lines.push(frame('out', Buffer.concat([time, Buffer.from('\n')])));
    let line = lines.next();
    while (line === null) line = lines.next();
    expect(line?.text.slice(0, 30_000)).toBe('ä'.repeat(30_000));
    expect(line).toMatchObject({ originalBytes: 80_000, time: Date.UTC(2026, 10, 21, 21, 0, 0, 500) });
  });

  it('come once each, wherever reading stops and goes on, with equal stamps and open pieces', () => {
    const printed: Printed[] = [
      ...Array.from({ length: 12 }, (_, index): Printed => [index % 3 ? 'out' : 'err', stamp(7), `same ${index}\n`]),
      ...pieces('a line of many pieces\n', 8),
      ['err', stamp(9), 'between\n'],
      ['out', stamp(10), 'open '],
      // The other stream was a little late.
      ['err', stamp(9), 'late\n'],
      ['err', stamp(11), 'more\n'],
      ['out', stamp(12), 'closed\n'],
      ...Array.from({ length: 6 }, (_, index): Printed => ['out', stamp(0, SECOND + 5 + index * 6), `slow ${index}\n`]),
    ];
    const wanted = all(fed(printed, {})).toSorted();
    expect(wanted).toHaveLength(12 + 1 + 1 + 3 + 6);
    for (let stop = 0; stop <= printed.length; stop += 1)
      for (let second = stop; second <= printed.length; second += 1) {
        const first = fed(printed.slice(0, stop), {});
        const found = all(first);
        const next = fed(printed.slice(0, second), first.position);
        found.push(...all(next));
        const last = fed(printed, next.position);
        expect([...found, ...all(last)].toSorted()).toEqual(wanted);
      }
  });

  /** As the engine: sends what is not older than what is asked for. */
  function fed(printed: Printed[], position: ContainerPosition): ContainerLines {
    const lines = new ContainerLines(position, false);
    const since = sinceOf(position, stamp(0, SECOND - 100));
    for (const one of printed) if (one[1] >= since) lines.push(encode(one));
    return lines;
  }

  it('go on when the clock was set back', () => {
    const lines = new ContainerLines({ out: { at: stamp(5), count: 1 } }, false);
    for (const at of [5, 6, 3, 4]) lines.push(encode(['out', stamp(at), `${at}\n`]));
    expect(all(lines)).toEqual(['6', '3', '4']);
  });

  it('are asked for from a little before the last one, and never from before the first', () => {
    expect(sinceOf({}, stamp(3))).toBe(stamp(3));
    expect(sinceOf({ err: { at: stamp(4), count: 1 } }, stamp(3))).toBe(stamp(3));
    const out = { at: stamp(4, SECOND + 60), count: 1 };
    expect(sinceOf({ out, err: { at: stamp(1), count: 1 } }, stamp(3))).toBe(stamp(4, SECOND + 50));
    expect(stampAt(1_795_294_800_042.7)).toBe(`${SECOND}.042000000`);
  });
});
