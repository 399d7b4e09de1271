import type { Bus } from '@lapwing/bus';
import {
  LapwingError,
  connectionTest,
  nodeChanged,
  sealedFor,
  type ConfiguredNode,
  type ConnectionTest,
  type InputOf,
  type NodeDraft,
  type NodeSecret,
  type PayloadOf,
  type Target,
  type nodeTest,
} from '@lapwing/contracts';
import { isDuplicate, type Schema, type Transaction } from '@lapwing/postgres';
import type { SecretKey } from '@lapwing/service';
import { createLogger, describeError } from '@lapwing/telemetry';
import { randomBytes } from 'node:crypto';
import { setImmediate as breathe } from 'node:timers/promises';
import type { ExportedNode, ImportedNode } from '../domain/exported.js';
import { judgeDraft, type NodeFields } from '../domain/node-draft.js';
import type { NodeRow, NodeStore } from '../store/node.store.js';

/** What nodes are kept with. */
export interface NodesParts {
  bus: Bus;
  schema: Schema;
  nodes: NodeStore;
  key: SecretKey;
}

/** A node that is not as it was. */
export interface NodeChange {
  node: Pick<ConfiguredNode, 'id' | 'type' | 'name' | 'host'>;
  change: PayloadOf<typeof nodeChanged>['change'];
}

const LOCK = 7_524_613;
/** How many nodes there may be. */
export const MAX_NODES = 500;
/** The id under which a node that is not saved is tried. */
const UNSAVED = 'unsaved';

const notFound = (id: string): LapwingError => new LapwingError('NOT_FOUND', `no configured node "${id}"`, { id });

/** Nodes that are polled: who they are, and the secrets to ask them with. */
export class NodesService {
  readonly #log = createLogger('fleet', 'nodes');

  constructor(private readonly parts: NodesParts) {}

  /** All of them, without secrets. */
  async list(): Promise<ConfiguredNode[]> {
    return (await this.parts.nodes.list()).map(described);
  }

  /** All of them, with sealed secrets. */
  async targets(): Promise<Target[]> {
    return (await this.parts.nodes.list()).map((row) => targetOf(described(row), row.sealed));
  }

  /** Adds one. `INVALID_INPUT`, `NODE_EXISTS`, `SECRET_REQUIRED`. */
  async create(draft: NodeDraft): Promise<ConfiguredNode> {
    const { fields, secret } = judged(draft);
    const node = await this.#change('node.create', (transaction) =>
      this.#add(transaction, fields, secret, { source: 'manual' }),
    );
    await this.#tell(node, 'added');
    return node;
  }

  /** Adds one that registered itself, or gives the known one of its type and address the new secret. */
  async register(draft: NodeDraft): Promise<{ node: ConfiguredNode; isNew: boolean }> {
    const result = await this.#change('node.register', async (transaction) => {
      const { fields, secret } = judged(draft);
      const row = await this.parts.nodes.findByHost(transaction, fields.type, fields.host);
      if (!row) {
        const name = await this.#freeName(transaction, fields);
        const node = await this.#add(transaction, { ...fields, name }, secret, { source: 'registered' });
        return { node, isNew: true };
      }
      // What people set stays; who asks and with what is what the node has just said.
      const { user, tokenName, fingerprint } = fields;
      const shown = fingerprint === '' ? {} : { fingerprint, verifySSL: true };
      const merged = { ...fieldsOf(row), user, tokenName, ...shown };
      return { node: await this.#write(transaction, row, merged, secret), isNew: false };
    });
    await this.#tell(result.node, 'registered');
    return result;
  }

  /** Changes what is given. `NOT_FOUND`, `INVALID_INPUT`, `NODE_EXISTS`, `SECRET_REQUIRED`. */
  async update(id: string, changes: Partial<NodeDraft>): Promise<ConfiguredNode> {
    const node = await this.#change('node.update', async (transaction) => {
      const row = await this.parts.nodes.find(transaction, id);
      if (!row) throw notFound(id);
      if (changes.type !== undefined && changes.type !== row.type)
        throw new LapwingError('INVALID_INPUT', '"type" cannot be changed: add another node');
      const known = { fields: fieldsOf(row), secret: this.#open(row) };
      const { fields, secret } = judged({ ...changes, type: row.type }, known);
      return this.#write(transaction, row, fields, secret);
    });
    await this.#tell(node, 'updated');
    return node;
  }

  /** Forgets one. `NOT_FOUND`. */
  async delete(id: string): Promise<void> {
    const node = await this.#change('node.delete', async (transaction) => {
      const row = await this.parts.nodes.find(transaction, id);
      if (!row) throw notFound(id);
      await this.parts.nodes.delete(transaction, id);
      return described(row);
    });
    await this.#tell(node, 'deleted');
  }

  /** Has a poller try to reach a node. A failure is an answer, too. `NOT_FOUND`, `INVALID_INPUT`, `SECRET_REQUIRED`. */
  async test(what: InputOf<typeof nodeTest>): Promise<ConnectionTest> {
    const target = 'id' in what ? await this.#saved(what.id) : this.#unsaved(what.draft, what.complete);
    return this.parts.bus.request(connectionTest, target);
  }

  /** Those after one of them with their secrets, by id: for an export. */
  async exported(after: string, most: number): Promise<ExportedNode[]> {
    const rows = (await this.parts.nodes.list()).filter(({ id }) => id > after);
    return rows
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, most)
      .map((row) => this.#exported(row));
  }

  #exported(row: NodeRow): ExportedNode {
    return exportedOf({ ...row, fields: fieldsOf(row), secret: this.#open(row) });
  }

  /** Has these instead of those that there are; what does not change stays as it is. Returns what is to be told after the commit. */
  async replace(transaction: Transaction, nodes: ImportedNode[]): Promise<NodeChange[]> {
    await this.parts.schema.hold(transaction, { kind: LOCK });
    const before = new Map((await this.parts.nodes.all(transaction)).map((row) => [row.id, row]));
    const changed: ImportedNode[] = [];
    for (const node of nodes) {
      const row = before.get(node.id);
      if (!row || JSON.stringify(this.#exported(row)) !== JSON.stringify(exportedOf(node))) changed.push(node);
      await breathe();
    }
    const ids = new Set(nodes.map(({ id }) => id));
    const gone = [...before.values()].filter(({ id }) => !ids.has(id));
    // Names and addresses may have changed hands: all that moves goes first.
    for (const { id } of [...gone, ...changed]) await this.parts.nodes.delete(transaction, id);
    for (const { id, fields, secret, source, createdAt } of changed) {
      const sealed = this.#seal(id, secret);
      const row = { ...fields, ...flags(secret), id, sealed, source, createdAt, updatedAt: Date.now() };
      await this.parts.nodes.put(transaction, row);
    }
    return [
      ...gone.map((row): NodeChange => ({ node: described(row), change: 'deleted' })),
      ...changed.map(({ id, fields }): NodeChange => ({
        node: { id, ...fields },
        change: before.has(id) ? 'updated' : 'added',
      })),
    ];
  }

  /** Tells changes, after the commit. */
  async tell(changes: NodeChange[]): Promise<void> {
    for (const { node, change } of changes) await this.#tell(node, change);
  }

  async #saved(id: string): Promise<Target> {
    const row = await this.parts.nodes.find(this.parts.schema.plain('node.find'), id);
    if (!row) throw notFound(id);
    return targetOf(described(row), row.sealed);
  }

  #unsaved(draft: NodeDraft, complete: boolean): Target {
    if (complete && !draft.name?.trim()) throw new LapwingError('INVALID_INPUT', '"name" is required');
    const { fields, secret } = judged(draft);
    const now = Date.now();
    const node: ConfiguredNode = {
      ...fields,
      ...flags(secret),
      id: UNSAVED,
      source: 'manual',
      createdAt: now,
      updatedAt: now,
    };
    return targetOf(node, this.#seal(UNSAVED, secret));
  }

  async #change<T>(name: string, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    try {
      return await this.parts.schema.exclusive(name, { kind: LOCK }, work);
    } catch (error) {
      if (isDuplicate(error))
        throw new LapwingError('NODE_EXISTS', 'a node of this type with this host or name is configured already');
      throw error;
    }
  }

  async #add(
    transaction: Transaction,
    fields: NodeFields,
    secret: NodeSecret,
    { source }: Pick<ConfiguredNode, 'source'>,
  ): Promise<ConfiguredNode> {
    if ((await this.parts.nodes.count(transaction)) >= MAX_NODES)
      throw new LapwingError('INVALID_INPUT', `at most ${MAX_NODES} nodes can be configured`);
    const now = Date.now();
    const id = `${fields.type}-${randomBytes(6).toString('hex')}`;
    const sealed = this.#seal(id, secret);
    const row: NodeRow = { ...fields, ...flags(secret), id, sealed, source, createdAt: now, updatedAt: now };
    await this.parts.nodes.put(transaction, row);
    return described(row);
  }

  async #write(
    transaction: Transaction,
    row: NodeRow,
    fields: NodeFields,
    secret: NodeSecret,
  ): Promise<ConfiguredNode> {
    const sealed = this.#seal(row.id, secret);
    const changed: NodeRow = { ...row, ...fields, ...flags(secret), sealed, updatedAt: Date.now() };
    await this.parts.nodes.put(transaction, changed);
    return described(changed);
  }

  /** The name that a node gives itself may be another's: two clusters can have nodes of one name. */
  async #freeName(transaction: Transaction, { type, name }: NodeFields): Promise<string> {
    const taken = await this.parts.nodes.namesLike(transaction, type, name);
    for (let number = 1; ; number++) {
      const candidate = number === 1 ? name : `${name}-${number}`;
      if (!taken.includes(candidate)) return candidate;
    }
  }

  #seal(id: string, secret: NodeSecret): Buffer {
    return this.parts.key.seal(sealedFor(id), JSON.stringify(secret));
  }

  #open(row: NodeRow): NodeSecret {
    return JSON.parse(this.parts.key.open(sealedFor(row.id), row.sealed)) as NodeSecret;
  }

  /** After the commit: whoever missed it asks anew within a minute. */
  async #tell({ id, type, name, host }: NodeChange['node'], change: NodeChange['change']): Promise<void> {
    const payload = { nodeId: id, change, type, name, host, time: Date.now() };
    await this.parts.bus
      .publish(nodeChanged, id, payload)
      .catch((error: unknown) => this.#log.warn({ error: describeError(error), id }, 'a change could not be told'));
  }
}

function judged(
  draft: Partial<NodeDraft> & Pick<NodeDraft, 'type'>,
  known?: Parameters<typeof judgeDraft>[1],
): { fields: NodeFields; secret: NodeSecret } {
  const verdict = judgeDraft(draft, known);
  if ('problem' in verdict) throw new LapwingError(verdict.code, verdict.problem);
  return verdict;
}

const flags = ({ password, tokenValue }: NodeSecret) => ({ hasPassword: password !== '', hasToken: tokenValue !== '' });

function fieldsOf(row: NodeRow): NodeFields {
  const { type, name, host, user, tokenName, fingerprint, caCertificate, verifySSL, monitor } = row;
  return { type, name, host, user, tokenName, fingerprint, caCertificate, verifySSL, monitor };
}

/** With its fields in one order, so that two can be compared as texts. */
function exportedOf({ id, fields, secret, source, createdAt }: ImportedNode): ExportedNode {
  const { type, name, host, user, tokenName, fingerprint, caCertificate, verifySSL } = fields;
  const monitor = Object.fromEntries(Object.entries(fields.monitor).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const { password, tokenValue } = secret;
  const who = { id, type, name, host, user, password, tokenName, tokenValue };
  return { ...who, fingerprint, caCertificate, verifySSL, monitor, source, createdAt };
}

function described({ sealed: _sealed, ...node }: NodeRow): ConfiguredNode {
  return node;
}

function targetOf(node: ConfiguredNode, sealed: Buffer): Target {
  return { ...node, sealed: sealed.toString('base64') };
}
