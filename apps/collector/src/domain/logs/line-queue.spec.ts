import { LineGate } from './line-gate';
import { LineQueue } from './line-queue';

function drain(queue: LineQueue): string[] {
  const lines: string[] = [];
  for (let line = queue.peek(); line; line = queue.peek()) {
    lines.push(line.toString());
    queue.shift();
  }
  return lines;
}

describe('a stream of bytes', () => {
  const text = 'one\n\ntwo is longer\nthree\n';

  it('is the same lines, wherever it is cut', () => {
    for (let cut = 0; cut <= text.length; cut += 1)
      for (const between of [true, false]) {
        const queue = new LineQueue(100);
        queue.push(Buffer.from(text.slice(0, cut)));
        const first = between ? drain(queue) : [];
        queue.push(Buffer.from(text.slice(cut)));
        expect([...first, ...drain(queue)]).toEqual(['one', '', 'two is longer', 'three']);
        expect(queue.size).toBe(0);
      }
  });

  it('passes over a line that is too long, whole or in pieces, and counts it', () => {
    for (const step of [1, 3, 7, 200]) {
      const queue = new LineQueue(10);
      const stream = `short\n${'x'.repeat(50)}\nexactly10!\nexactly 11!\nlast\n`;
      const lines: string[] = [];
      for (let at = 0; at < stream.length; at += step) {
        queue.push(Buffer.from(stream.slice(at, at + step)));
        lines.push(...drain(queue));
        expect(queue.size).toBeLessThanOrEqual(10 + step);
      }
      expect(lines).toEqual(['short', 'exactly10!', 'last']);
      expect([queue.takeSkipped(), queue.takeSkipped()]).toEqual([2, 0]);
    }
  });

  it('forgets half a line at its end', () => {
    const queue = new LineQueue(100);
    queue.push(Buffer.from('whole\nha'));
    expect(drain(queue)).toEqual(['whole']);
    queue.clear();
    queue.push(Buffer.from('other\n'));
    expect(drain(queue)).toEqual(['other']);
  });
});

describe('a gate', () => {
  const of = { source: 'docker', name: 'web', perSecond: 10 } as const;

  it('goes by the time of the lines, and tells once a second of it what it held back', () => {
    const gate = new LineGate(of);
    const passed = Array.from({ length: 50 }, () => gate.admit(5000)).filter(Boolean).length;
    expect(passed).toBe(20);
    expect(gate.held).toEqual({ count: 30, since: 5000 });
    expect(gate.due(5999)).toBeUndefined();
    expect(gate.due(6000)).toMatchObject({ message: '30 lines dropped: more than 10 a second', time: 6000 });
    expect([gate.held, gate.due(9000), gate.tell(9000)]).toEqual([undefined, undefined, undefined]);
    expect(gate.admit(6000)).toBe(true);
  });

  it('goes on after a clock was set back', () => {
    const gate = new LineGate(of, { count: 3, since: 1e9 });
    for (let line = 0; line < 30; line += 1) gate.admit(1e9);
    expect(gate.due(5000)).toMatchObject({ fields: { dropped: '13' } });
    expect([gate.admit(5000), gate.admit(5100)]).toEqual([false, true]);
  });
});
