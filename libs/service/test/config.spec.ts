import { ConfigError, Secret, commonConfig, databaseConfig, readConfig, secret } from '@lapwing/service';
import { inspect } from 'node:util';
import { z } from 'zod';

describe('settings of a service', () => {
  const schema = commonConfig.extend(databaseConfig.shape).extend({ TOKEN: secret.optional() });

  it('have defaults, also for a variable that is empty', () => {
    const config = readConfig('test', schema, { LAPWING_OPS_PORT: '', NATS_URL: '' });
    expect(config).toMatchObject({ LAPWING_OPS_PORT: 0, NATS_URL: 'nats://127.0.0.1:4222' });
  });

  it('tell every fault at once, and no value', () => {
    const read = () => readConfig('test', schema, { LAPWING_OPS_PORT: 'hunter2', LAPWING_STREAM_REPLICAS: '9' });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(/LAPWING_STREAM_REPLICAS[^]*LAPWING_OPS_PORT|LAPWING_OPS_PORT[^]*LAPWING_STREAM_REPLICAS/);
    expect(read).not.toThrow(/hunter2/);
  });

  it('never print a secret', () => {
    const { DATABASE_URL: url } = readConfig('test', schema, { DATABASE_URL: 'postgres://u:hunter2@h/d' });
    expect(url.reveal()).toBe('postgres://u:hunter2@h/d');
    for (const text of [String(url), JSON.stringify({ url }), inspect({ url })]) {
      expect(text).toContain('***');
      expect(text).not.toContain('hunter2');
    }
    expect(new Secret('x')).toBeInstanceOf(Secret);
    expect(z.object({ a: secret }).safeParse({ a: '' }).success).toBe(false);
  });
});
