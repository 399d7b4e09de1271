import { catalogue, describeCatalogue, event, hostSampled, type Contract } from '@lapwing/contracts';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

const folder = path.join(__dirname, '../fixtures');
const fixtureOf = ({ name }: Contract): Record<string, unknown> =>
  JSON.parse(readFileSync(path.join(folder, `${name}.json`), 'utf8')) as Record<string, unknown>;

describe('the catalogue of messages', () => {
  it('names no message twice', () => {
    const names = catalogue.map((contract) => contract.name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('has a fixture for each message, and no other', () => {
    expect(readdirSync(folder).toSorted()).toEqual(catalogue.map(({ name }) => `${name}.json`).toSorted());
  });

  it.each(catalogue.map((contract) => [contract.name, contract] as const))(
    '%s reads its fixture unchanged',
    (_, contract) => {
      const fixture = fixtureOf(contract);
      if (contract.kind === 'event') expect(contract.schema.parse(fixture['payload'])).toEqual(fixture['payload']);
      else {
        expect(contract.input.parse(fixture['input'])).toEqual(fixture['input']);
        expect(contract.output.parse(fixture['output'])).toEqual(fixture['output']);
      }
    },
  );

  it.each(catalogue.map((contract) => [contract.name, contract] as const))(
    '%s refuses what it does not know',
    (_, contract) => {
      const schemas = contract.kind === 'event' ? [contract.schema] : [contract.input, contract.output];
      for (const schema of schemas) expect(schema.safeParse('nonsense').success).toBe(false);
    },
  );

  it('is what subjects.txt says', () => {
    expect(readFileSync(path.join(folder, '../subjects.txt'), 'utf8')).toBe(describeCatalogue());
  });

  it('refuses a name that does not follow the grammar', () => {
    expect(() => event('evt.host.sampled', null, z.object({}))).toThrow('grammar of a event');
  });

  it.each([
    ['NaN', { cpu: Number.NaN }],
    ['an infinite percentage', { cpu: Number.POSITIVE_INFINITY }],
    ['more than 100 percent', { cpu: 100.1 }],
  ])('refuses a sample with %s', (_, { cpu }) => {
    const { payload } = fixtureOf(hostSampled) as { payload: z.infer<typeof hostSampled.schema> };
    const [sample] = payload.samples;
    if (!sample) throw new Error('the fixture has no sample');
    sample.cpu.totalUsage = cpu;
    expect(hostSampled.schema.safeParse(payload).success).toBe(false);
  });
});
