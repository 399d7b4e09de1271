import { agentRevoke, registrationApprove, type Agent } from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { Fleet, Host, actor } from './harness';

const HOSTS = 20;

describe('two replicas of fleet', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await Fleet.start();
    await fleet.replicate();
  }, 60_000);
  afterAll(() => fleet.stop());

  it('let each host in once, and lose no revocation, whichever of them is asked', async () => {
    const hosts = Array.from({ length: HOSTS }, (_, index) => new Host(`many-${index}`));
    // Each asks three times at once, and again when a busy machine answers too late, as agents do: both replicas hear of it.
    const ask = (host: Host) =>
      eventually(async () => {
        const answer = await fleet.enroll(host);
        expect(answer.status).not.toBe('TIMEOUT');
        return answer;
      });
    const asked = await Promise.all(hosts.flatMap((host) => [host, host, host]).map(ask));
    expect(asked.map(({ status }) => status)).toEqual(asked.map(() => 'pending'));
    const approved = await Promise.all(
      hosts.map((host) => fleet.bus.request(registrationApprove, { actor, id: host.id })),
    );
    expect(approved.map(({ fingerprint }: Agent) => fingerprint)).toEqual(hosts.map(({ key }) => key.publicKey));
    const admitted = await Promise.all(hosts.map((host) => fleet.enroll(host)));
    const jwts = admitted.map(({ jwt }) => jwt ?? '');
    // One after the other: to sign for twenty at once takes a busy machine longer than NATS waits.
    const connections: Awaited<ReturnType<Fleet['connect']>>[] = [];
    for (const [index, host] of hosts.entries()) connections.push(await fleet.connect(host, jwts[index] ?? ''));
    // All at once: each push replaces the whole list, and the last that is told must hold all of them.
    await Promise.all(hosts.map((host) => fleet.bus.request(agentRevoke, { actor, id: host.id })));
    await eventually(() => expect(connections.filter((connection) => !connection.isClosed())).toEqual([]));
    for (const [index, host] of hosts.entries())
      await expect(fleet.connect(host, jwts[index] ?? '')).rejects.toThrow('Authorization Violation');
  }, 60_000);
});
