// A fake Proxmox on the loopback address, until Ctrl-C: node deploy/fake-proxmox/start.mjs --kind pve --nodes 3 --guests 40
import { parseArgs } from 'node:util';
import { ProxmoxServer } from '@lapwing/testing';

const { values } = parseArgs({
  options: {
    kind: { type: 'string', default: 'pve' },
    version: { type: 'string', default: '9' },
    nodes: { type: 'string', default: '1' },
    guests: { type: 'string', default: '4' },
    cluster: { type: 'string' },
    port: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
  },
});

/**
 * One of the words that are allowed; ends the program for any other.
 * @template {string} T
 * @param {string} option
 * @param {string} value
 * @param {readonly T[]} allowed
 * @returns {T}
 */
function oneOf(option, value, allowed) {
  const found = allowed.find((word) => word === value);
  if (found === undefined) {
    process.stderr.write(`--${option} is "${value}"; allowed are ${allowed.join(', ')}\n`);
    process.exit(1);
  }
  return found;
}

const kind = oneOf('kind', values.kind, /** @type {const} */ (['pve', 'pbs', 'pmg']));
const server = await ProxmoxServer.start({
  kind,
  version: oneOf('version', values.version, /** @type {const} */ (['8', '9'])),
  nodes: Number(values.nodes),
  guests: Number(values.guests),
  port: Number(values.port),
  seed: Number(values.seed),
  ...(values.cluster === undefined ? {} : { clusterName: values.cluster }),
});

const token = kind === 'pbs' ? 'PBSAPIToken=pulse-monitor@pbs!lapwing:token-secret' : undefined;
process.stdout.write(
  [
    `${kind} at     ${server.url}`,
    `fingerprint ${server.fingerprint}`,
    'user        root@pam, password secret',
    `token       ${token ?? `${kind.toUpperCase()}APIToken=pulse-monitor@pam!lapwing=token-secret`}`,
    'Ctrl-C ends it.\n',
  ].join('\n'),
);

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void server.stop());
