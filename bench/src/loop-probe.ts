// Loaded into a process that is measured (`--import`): writes its longest stops of the event loop, second by second, to LOOP_PROBE_FILE.
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const { LOOP_PROBE_FILE = '/dev/null' } = process.env;
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
setInterval(() => {
  appendFileSync(LOOP_PROBE_FILE, `${(delay.max / 1e6).toFixed(1)}\n`);
  delay.reset();
}, 1000).unref();
