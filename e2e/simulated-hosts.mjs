// Runs the simulated hosts under the launcher's own supervision: when they are killed, they are started again.
import path from 'node:path';
import { Child } from '../deploy/local/child.mjs';

const program = {
  name: 'simulated hosts',
  program: process.execPath,
  args: [path.join(import.meta.dirname, '../bench/dist/fleet-simulator.js')],
  log: 'inherit',
};
const child = new Child(program, {
  onExit: (code) => {
    if (code === 0) process.exit(0);
  },
}).start();
process.on('SIGTERM', () => void process.kill(child.pid ?? 0, 'SIGTERM'));
