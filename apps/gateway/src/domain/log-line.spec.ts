import { LogFilter, MAX_LOG_SEQ, type LogBatch, type LogEntry } from '@lapwing/contracts';
import { LogLine, cleanEntry, filterOf, storedKey } from './log-line';

const entry = (changes: Partial<LogEntry> = {}): LogEntry => ({
  time: 1768473000000,
  source: 'docker',
  name: 'web',
  level: 'error',
  message: 'Connection refused by 10.0.0.7',
  fields: { stream: 'err' },
  ...changes,
});
const line = (changes: Partial<LogEntry> = {}, seq = 28, index = 0): LogLine => {
  const batch: LogBatch = {
    seq,
    time: 1768473000000,
    entries: Array.from({ length: index + 1 }, () => entry(changes)),
  };
  const made = LogLine.of('web-1', batch, index);
  if (!made) throw new Error('no line');
  return made;
};

describe('a line that is followed', () => {
  it('is clean, whatever the agent sent', () => {
    const bad = '\u001b[31mred\u001b[0m\r\nnext\rover\u202e\u0000';
    const fields = { [bad]: bad, ['__proto__']: 'x' };
    const cleaned = cleanEntry(entry({ name: bad, message: bad, fields }));
    expect(cleaned.message).toBe('red\nnext over\ufffd\ufffd');
    expect(cleaned.name).toBe('red next over\ufffd\ufffd');
    expect(Object.entries(cleaned.fields)).toEqual([
      ['red next over\ufffd\ufffd', 'red next over\ufffd\ufffd'],
      ['__proto__', 'x'],
    ]);
    expect(Object.getPrototypeOf(cleaned.fields)).toBe(Object.prototype);
    expect(cleanEntry(entry())).toEqual(entry());
  });

  it.each([
    [{}, true],
    [{ agentId: 'web-1' }, true],
    [{ agentId: 'web-2' }, false],
    [{ source: 'docker' }, true],
    [{ source: 'file' }, false],
    [{ name: 'web' }, true],
    [{ name: 'we' }, false],
    [{ levels: ['warning', 'error'] }, true],
    [{ levels: ['warning'] }, false],
    [{ stream: 'err' }, true],
    [{ stream: 'out' }, false],
    [{ query: 'refused -timeout' }, true],
    [{ query: 'timeout' }, false],
    [{ pattern: '\\d+\\.\\d+$' }, true],
    [{ pattern: '^refused' }, false],
    [{ pattern: '(' }, false],
    [{ levels: ['error'], query: 'refused', pattern: 'timeout' }, false],
    [{ from: 1, to: 2 }, true],
  ] as [Partial<LogFilter>, boolean][])('is meant by %j: %j', (filter, expected) => {
    expect(filterOf(LogFilter.parse(filter))(line())).toBe(expected);
  });

  it('is known again when it is stored', () => {
    const stored = { agentId: 'web-1', source: 'docker', name: 'web' };
    expect(line({}, 28, 37).key).toBe(storedKey({ ...stored, id: 'mkfq5s00-1-s-11' }));
    const ofLaterOutbox = (3 * MAX_LOG_SEQ + 28).toString(36);
    expect(line({}, 28, 37).key).toBe(storedKey({ ...stored, id: `mkfq5s00-1-${ofLaterOutbox}-11` }));
    expect(line({}, 28, 36).key).not.toBe(storedKey({ ...stored, id: 'mkfq5s00-1-s-11' }));
    expect(line({}, 28, 37).key).not.toBe(storedKey({ ...stored, name: 'db', id: 'mkfq5s00-1-s-11' }));
  });
});
