import type { ConnectionTest, Target } from '@lapwing/contracts';
import { Deadline, certificateFingerprint } from '@lapwing/outgoing';
import type { SecretKey } from '@lapwing/service';
import { ProxmoxError } from '../sources/proxmox/proxmox-error.js';
import { orElse } from '../sources/proxmox/target-source.js';
import { record, records, text, truth } from '../sources/proxmox/values.js';
import { openSecret } from './polling.service.js';
import { clientOf } from './target-poller.service.js';

const DEADLINE_MS = 8000;
const MAX_AT_ONCE = 8;
const NAMES = { pve: 'Proxmox VE', pbs: 'Proxmox Backup Server', pmg: 'Proxmox Mail Gateway' };

/** Tries to reach servers, for people who set them up. */
export class ConnectionTestService {
  #running = 0;

  constructor(private readonly key: SecretKey) {}

  /** What comes of it; a failure is an answer, too. */
  async test(target: Target): Promise<ConnectionTest> {
    const failed = { success: false, latencyMs: 0, isCluster: false, nodeCount: 0, version: '', fingerprint: '' };
    if (this.#running >= MAX_AT_ONCE) return { ...failed, message: 'too many connections are being tried: try again' };
    const client = clientOf(target, openSecret(this.key, target));
    this.#running++;
    const deadline = new Deadline(DEADLINE_MS);
    const { signal } = deadline;
    const startedAt = performance.now();
    try {
      const version = text(record(await client.get('version', { signal })).version);
      const latencyMs = Math.round(performance.now() - startedAt);
      const members = target.type === 'pve' ? records(await client.get('cluster/status', { signal }), 256) : [];
      const nodes = members.filter(({ type }) => type === 'node');
      const isCluster = members.some(({ type, quorate }) => type === 'cluster' && truth(quorate ?? 1));
      const message = `connected to ${NAMES[target.type]} ${version}`;
      const nodeCount = Math.max(nodes.length, 1);
      return {
        success: true,
        message,
        latencyMs,
        isCluster,
        nodeCount,
        version,
        fingerprint: await this.#shown(target),
      };
    } catch (error) {
      const latencyMs = Math.round(performance.now() - startedAt);
      const fault = error instanceof ProxmoxError ? error : new ProxmoxError('timeout', 'the server takes too long');
      const fingerprint = fault.kind === 'certificate' ? await this.#shown(target) : '';
      const hint = fingerprint && !fault.message.includes(fingerprint) ? `; it shows SHA-256 ${fingerprint}` : '';
      return { ...failed, latencyMs, fingerprint, message: `${fault.message}${hint}` };
    } finally {
      deadline.clear();
      this.#running--;
      await client.close();
    }
  }

  #shown({ host }: Target): Promise<string> {
    return orElse(certificateFingerprint(host, { reach: 'private', timeoutMs: 3000 }), '');
  }
}
