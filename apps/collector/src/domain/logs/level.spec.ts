import { levelOf, levelOfName, levelOfPriority } from './level';

describe('the level that a line tells', () => {
  it.each([
    ['{"level":"error","msg":"x"}', 'error'],
    ['{"msg":"level is \\"error\\"","nested":{"level":"fatal"},"level":"warn"}', 'warning'],
    ['{"level":30,"time":1764000000000,"pid":1,"msg":"pino"}', 'info'],
    ['{"name":"bunyan","level":50}', 'error'],
    ['{"level":60}', 'critical'],
    ['{"severity":"NOTICE"}', 'notice'],
    ['{"lvl": 4}', 'warning'],
    ['{"t":{"$date":"2026-11-21T21:00:00Z"},"s":"W","c":"NETWORK"}', 'warning'],
    ['time="2026-11-21T21:00:00Z" level=warning msg="no error"', 'warning'],
    ['ts=2026-11-21T21:00:00Z caller=main.go:1 level=error err="x"', 'error'],
    ['<3>usb 1-1: device descriptor read', 'error'],
    ['<14>su: ok', 'info'],
    ['E1121 21:00:00.123456       1 reflector.go:1] failed', 'error'],
    ['W1121 21:00:00.123456       1 x.go:1] hm', 'warning'],
    ['2026/11/21 21:00:00 [error] 12#12: *1 open() failed', 'error'],
    ['2026/11/21 21:00:00 [emerg] 12#12: bind()', 'critical'],
    ['[Sat Nov 21 21:00:00.123456 2026] [core:error] [pid 12] AH00126', 'error'],
    ['2026-11-21 21:00:00,123 - root - ERROR - it broke', 'error'],
    ['WARNING:root:careful', 'warning'],
    ['2026-11-21T21:00:00.123+01:00  WARN 1 --- [main] c.e.App : slow', 'warning'],
    ['2026-11-21 21:00:00.123 [main] DEBUG com.example.App - x', 'debug'],
    ['SEVERE: no way', 'error'],
    ['2026/11/21 21:00:00 ERROR it broke err=x', 'error'],
    ['ERRO[0000] logrus', 'error'],
    ['WARN[0001] logrus', 'warning'],
    ['2026-11-21T21:00:00.000Z\terror\tmain.go:1\tit broke', 'error'],
    ['[2026-11-21T21:00:00Z ERROR lapwing::x] it broke', 'error'],
    ['2026-11-21T21:00:00.000000Z  INFO lapwing: up', 'info'],
    ['2026-11-21 21:00:00.000 UTC [123] ERROR:  relation "x" does not exist', 'error'],
    ['2026-11-21 21:00:00.000 CET [123] FATAL:  the database system is starting up', 'critical'],
    ['2026-11-21 21:00:00.000 UTC [123] LOG:  checkpoint', 'info'],
    ['2026-11-21T21:00:00.000000Z 0 [Warning] [MY-010068] [Server] CA', 'warning'],
    ['1:M 21 Nov 2026 21:00:00.123 # Server started', 'warning'],
    ['E, [2026-11-21T21:00:00.1 #12] ERROR -- : ruby', 'error'],
    ['[2026-11-21 21:00:00,123: ERROR/MainProcess] celery', 'error'],
    ['[21:00:00 ERR] serilog', 'error'],
    ['fail: Microsoft.AspNetCore[0]', 'error'],
    ['error: it broke', 'error'],
    ['Warning: careful', 'warning'],
    ['<warn>  [1764000000.1] device (eth0)', 'warning'],
    ['Nov 21 21:00:00 host sshd[12]: error: kex_exchange_identification', 'error'],
    ['npm ERR! code 1', 'error'],
    ['FATAL it is over', 'critical'],
    ['WARN', 'warning'],
    ['panic: runtime error: index out of range', 'critical'],
    ["thread 'main' panicked at src/main.rs:2:5:", 'critical'],
    ['Traceback (most recent call last):\n  File "x"', 'error'],
    ['TypeError: x is not a function', 'error'],
    ['java.lang.IllegalStateException: no', 'error'],
    ['Exception in thread "main" java.lang.Error', 'error'],
    ['finished with 0 errors', undefined],
    ['0 error, 3 warning', undefined],
    ['0 ERROR lines', undefined],
    ['no error', undefined],
    ['no error: all is well', undefined],
    ['the last error was long ago', undefined],
    ['There is no ERROR here', undefined],
    ['GET /error HTTP/1.1', undefined],
    ['127.0.0.1 - - [21/Nov/2026:21:00:00 +0000] "GET /errors?level=x HTTP/1.1" 200 1', undefined],
    ['error-handler started', undefined],
    ['debugging is fun', undefined],
    [`${'x'.repeat(130)} [error]`, undefined],
    ['', undefined],
    ['{', undefined],
    ['{"level":{"level":3}}', undefined],
    ['first line\nERROR: second', undefined],
  ])('%j: %s', (text, level) => {
    expect(levelOf(text)).toBe(level);
  });

  it('comes to an end, whatever the line is', () => {
    const hostile = ['[', 'error ', '{"', '\\"', 'a.', 'ERROR/', ' '].map((part) => part.repeat(200_000));
    expect(hostile.map((text) => levelOf(text))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      'error',
      undefined,
    ]);
  });
});

it('names and priorities mean levels', () => {
  expect(['EMERG', 'Alert', 'crit', 'fatal', 'panic'].map(levelOfName)).toEqual(Array(5).fill('critical'));
  expect(['err', 'warn', 'notice', 'log', 'trace', 'verbose', 'constructor', 'toString'].map(levelOfName)).toEqual([
    'error',
    'warning',
    'notice',
    'info',
    'debug',
    'debug',
    undefined,
    undefined,
  ]);
  expect([0, 2, 3, 4, 5, 6, 7, 8, -1, Number.NaN].map(levelOfPriority)).toEqual([
    'critical',
    'critical',
    'error',
    'warning',
    'notice',
    'info',
    'debug',
    undefined,
    undefined,
    undefined,
  ]);
});
