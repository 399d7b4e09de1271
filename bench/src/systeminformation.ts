// Reads with systeminformation what the collector reads of a host, and does nothing with it.
import si from 'systeminformation';

async function read(): Promise<void> {
  await Promise.all([si.currentLoad(), si.mem(), si.fsSize(), si.fsStats(), si.networkStats('*'), si.processes()]);
}

setInterval(() => void read(), Number(process.env['SECONDS'] ?? 5) * 1000);
