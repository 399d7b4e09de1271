import { fromPublic, fromSeed } from '@nats-io/nkeys';
import { AgentKey, isSignedBy } from '../src';

describe('the key of an agent', () => {
  it('signs as NATS’ own library does, and is verified by it', () => {
    for (let count = 0; count < 20; count++) {
      const key = AgentKey.create();
      const text = `lapwing ${count} ä`;
      const signature = key.sign(text);
      const own = fromSeed(Buffer.from(key.seed));
      expect(Buffer.from(own.sign(Buffer.from(text))).toString('base64')).toBe(signature);
      expect(fromPublic(key.publicKey).verify(Buffer.from(text), Buffer.from(signature, 'base64'))).toBe(true);
      expect(isSignedBy(key.publicKey, text, signature)).toBe(true);
    }
  });

  it('is not somebody else’s, and signs not something else', () => {
    const [key, other] = [AgentKey.create(), AgentKey.create()];
    const signature = key.sign('text');
    expect(isSignedBy(other.publicKey, 'text', signature)).toBe(false);
    expect(isSignedBy(key.publicKey, 'other text', signature)).toBe(false);
    const broken = key.publicKey.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    for (const odd of [broken, 'U', '', 'U'.repeat(56), key.seed])
      expect(isSignedBy(odd, 'text', signature)).toBe(false);
    for (const odd of ['', 'x', 'A'.repeat(86)]) expect(isSignedBy(key.publicKey, 'text', odd)).toBe(false);
  });
});
