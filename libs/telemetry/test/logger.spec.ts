import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** What a program prints that logs; the logger itself writes to the standard output, so it runs as a process. */
function printed(program: string): Record<string, unknown>[] {
  const library = pathToFileURL(path.join(__dirname, '../dist/index.js')).href;
  const code = `import { createLogger, describeError, inSpan, recentProblems, SpanKind } from ${JSON.stringify(library)};\n${program}`;
  const environment = { ...process.env, LOG_LEVEL: 'info' };
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
    env: environment,
  });
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the logger', () => {
  it('writes lines of JSON with the service and the component', () => {
    expect(printed(`createLogger('gateway', 'http').info({ port: 1 }, 'listening')`)).toEqual([
      {
        level: 'info',
        time: expect.any(String) as string,
        service: 'gateway',
        component: 'http',
        port: 1,
        msg: 'listening',
      },
    ]);
  });

  it('never writes a secret', () => {
    const [line] = printed(
      `createLogger('x').info({ password: 'hunter2', user: { token: 'hunter2' }, headers: { authorization: 'hunter2', cookie: 'hunter2' } }, 'm')`,
    );
    expect(JSON.stringify(line)).not.toContain('hunter2');
    expect(line).toMatchObject({ password: '***', user: { token: '***' } });
  });

  it('keeps warnings and worse in mind', () => {
    const lines = printed(`const log = createLogger('gateway', 'http').child({ more: 1 });
      log.info('fine'); log.warn({ password: 'hunter2' }, 'odd'); log.error('bad');
      log.info(recentProblems('gateway', 9).map(({ level, component, message }) => [level, component, message].join()), 'kept');`);
    expect(Object.values(lines.at(-1) ?? {})).toEqual(
      expect.arrayContaining(['error,http,bad', 'warn,http,odd', 'kept']),
    );
    expect(JSON.stringify(lines.at(-1))).not.toMatch(/fine|hunter2/);
  });

  it('describes what was thrown, whatever it is', () => {
    const lines = printed(`const log = createLogger('x');
      log.info({ error: describeError(Object.assign(new TypeError('no'), { code: 'E1' })) }, 'm');
      log.info({ error: describeError('text') }, 'm');`);
    expect(lines.map((line) => line['error'])).toMatchObject([
      { type: 'TypeError', message: 'no', code: 'E1' },
      { type: 'string', message: 'text' },
    ]);
  });
});
