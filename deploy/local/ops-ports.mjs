// Ports for health and metrics of services that run side by side on one machine.
import fs from 'node:fs';
import path from 'node:path';
import { freePort } from './servers.mjs';

/**
 * With `LAPWING_OPS_PORTS=auto` each process gets a port of its own; the file `ops-ports.json` in the data folder says which.
 * @param {string[]} apps
 * @param {string} dataDir
 * @returns {Promise<Record<string, Record<string, string>>>} what each app's environment has in addition
 */
export async function opsPorts(apps, dataDir) {
  if (process.env.LAPWING_OPS_PORTS !== 'auto') return {};
  /** @type {Record<string, number>} */
  const ports = {};
  for (const app of apps) {
    let port = await freePort();
    while (Object.values(ports).includes(port)) port = await freePort();
    ports[app] = port;
  }
  fs.writeFileSync(path.join(dataDir, 'ops-ports.json'), JSON.stringify(ports));
  return Object.fromEntries(apps.map((app) => [app, { LAPWING_OPS_PORT: String(ports[app]) }]));
}
