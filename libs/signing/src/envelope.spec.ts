import { z } from 'zod';
import { SigningError, isPublicKey, keyIdOf, makeKeys, publicKeyOf, signEnvelope, verifyEnvelope } from './index';

const TYPE = 'application/vnd.lapwing.test+json';
const schema = z.object({ version: z.string(), size: z.int() });
const statement = { version: '1.2.3', size: 42 };

describe('a signed statement', () => {
  const keys = makeKeys();
  const other = makeKeys();
  const envelope = signEnvelope(TYPE, statement, [keys.privateKey]);
  const read = (value: unknown, trusted = [keys.publicKey], type = TYPE) =>
    verifyEnvelope(typeof value === 'string' ? value : JSON.stringify(value), type, schema, trusted);

  it('is read by whoever trusts the key', () => {
    expect(read(envelope)).toEqual(statement);
    expect(read(envelope, [other.publicKey, keys.publicKey])).toEqual(statement);
    expect(read(signEnvelope(TYPE, statement, [other.privateKey, keys.privateKey]))).toEqual(statement);
  });

  it('is not believed from another key, whatever key it names', () => {
    const forged = signEnvelope(TYPE, statement, [other.privateKey]);
    const named = { ...forged, signatures: [{ ...forged.signatures[0], keyid: keyIdOf(keys.publicKey) }] };
    for (const one of [forged, named]) expect(() => read(one)).toThrow('no key that is trusted');
    expect(() => read(envelope, [])).toThrow('no key that is trusted');
  });

  it('is not believed when a bit of it was changed', () => {
    const payload = Buffer.from(JSON.stringify({ ...statement, size: 43 })).toString('base64');
    expect(() => read({ ...envelope, payload })).toThrow('no key that is trusted');
    const sig = Buffer.from(envelope.signatures[0]?.sig ?? '', 'base64');
    for (let at = 0; at < sig.length; at += 7) {
      const changed = Buffer.from(sig);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => read({ ...envelope, signatures: [{ keyid: '', sig: changed.toString('base64') }] })).toThrow(
        'no key that is trusted',
      );
    }
  });

  it('cannot be passed off as one of another kind', () => {
    expect(() => read({ ...envelope, payloadType: 'other' })).toThrow('another kind');
    expect(() => read({ ...envelope, payloadType: 'other' }, [keys.publicKey], 'other')).toThrow('no key');
  });

  it.each([
    ['nothing', ''],
    ['HTML', '<!doctype html><title>404</title>'],
    ['a part of one', JSON.stringify(envelope).slice(0, -20)],
    ['null', 'null'],
    ['one without signatures', JSON.stringify({ ...envelope, signatures: [] })],
    ['one with too many', JSON.stringify({ ...envelope, signatures: Array(9).fill(envelope.signatures[0]) })],
    ['the bare statement', JSON.stringify(statement)],
  ])('%s is none', (_, text) => expect(() => read(text)).toThrow(new SigningError('this is no signed statement')));

  it('of another form is refused after its signature was verified', () => {
    expect(() => read(signEnvelope(TYPE, { version: 1 }, [keys.privateKey]))).toThrow('malformed');
  });
});

describe('a key', () => {
  it('has one public form and one name', () => {
    const { privateKey, publicKey } = makeKeys();
    expect(publicKeyOf(privateKey)).toBe(publicKey);
    expect(isPublicKey(publicKey)).toBe(true);
    expect(keyIdOf(publicKey)).toMatch(/^[0-9a-f]{16}$/);
    expect(isPublicKey(publicKey.slice(1))).toBe(false);
  });

  it('that is none is refused without being shown', () => {
    expect(() => publicKeyOf('secret nonsense')).toThrow(
      new SigningError('the private key must be an Ed25519 key in PEM'),
    );
  });
});
