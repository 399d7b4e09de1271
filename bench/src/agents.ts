import { Bus } from '@lapwing/bus';
import { DeliveryService } from '@lapwing/collector/services/delivery.service';
import { EnrollmentService } from '@lapwing/collector/services/enrollment.service';
import { sampleFreight } from '@lapwing/collector/services/freight';
import { Outbox, type SampleBody } from '@lapwing/collector/store/outbox';
import { samplesStored } from '@lapwing/contracts';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const { LAPWING_URL = '', LAPWING_TOKEN = '' } = process.env;

/** A host as the server sees one, without the machine. */
export interface SimulatedAgent {
  agentId: string;
  bus: Bus;
  outbox: Outbox;
  delivery: DeliveryService<SampleBody>;
}

async function approve(agentId: string): Promise<void> {
  const route = `/api/v1/agents/pending/${agentId}/approve`;
  await fetch(new URL(route, LAPWING_URL), { method: 'POST', headers: { authorization: `Bearer ${LAPWING_TOKEN}` } });
}

/** Asks to be let in as a host does, and approves as an administrator does. */
async function enroll(agentId: string, folder: string): Promise<EnrollmentService> {
  const enrollment = new EnrollmentService({
    agentId,
    name: undefined,
    folder,
    url: LAPWING_URL,
    token: undefined,
    allowHttp: true,
    natsUrl: '',
    facts: {
      hostname: agentId,
      architecture: 'amd64',
      os: 'linux',
      version: '0.1.0',
      machine: createHash('sha256').update(agentId).digest('hex'),
    },
  });
  await enrollment.onApplicationBootstrap();
  for (let tries = 0; !enrollment.door() && tries < 600; tries++) {
    if (tries % 10 === 1) await approve(agentId);
    await pause(100);
  }
  return enrollment;
}

/**
 * Begins to play a host: enrolled and approved, with an outbox in a folder of its own and a connection of its own; with the folder of an
 * earlier run it goes on.
 * @param dataDir where the folder is made.
 * @param fill what is done with the outbox before anything is sent.
 */
export async function beginAgent(
  agentId: string,
  dataDir: string,
  fill: (outbox: Outbox) => Promise<void> = async () => {},
): Promise<SimulatedAgent> {
  const folder = path.join(dataDir, agentId);
  const enrollment = await enroll(agentId, folder);
  const outbox = await Outbox.open({ folder, maxBytes: 2 ** 28, bootId: 'simulated', now: Date.now() });
  await fill(outbox);
  const agent = { id: agentId, door: () => enrollment.door() };
  const bus = new Bus({ service: 'collector', servers: '', streams: 'ignore', agent });
  bus.onModuleInit();
  bus.connection.whenShutOut(() => enrollment.lookAgain());
  const delivery = new DeliveryService(bus, agentId, outbox, sampleFreight, { doubtAfterMs: 5000 });
  delivery.start();
  bus.listen(samplesStored, agentId, (news) => void delivery.confirmed(news));
  return { agentId, bus, outbox, delivery };
}
