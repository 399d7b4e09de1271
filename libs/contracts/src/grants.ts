import { agentChanged, agentConfigured, agentList, agentReported } from './agents.js';
import { alertChanged, alertingChanged } from './alerts.js';
import { auditOccurred } from './audit.js';
import { catalogue, type ServiceName } from './catalogue.js';
import { ownedConfigurationRequests } from './configuration.js';
import type { CommandContract, Contract, EventContract, RequestContract } from './define.js';
import { hostSampled, samplesStored } from './delivery.js';
import { diagnosticsGet } from './diagnostics.js';
import { dockerhostChanged, dockerhostList, dockerhostReported } from './docker-hosts.js';
import { healthGet, serviceStopped } from './health.js';
import { excursionsGet, latestSampleGet } from './history.js';
import { configChanged, principalsChanged } from './identity.js';
import { connectionTest, nodeChanged, nodeList, noticePosted, targetList } from './nodes.js';
import { logCollected, logmatchCount, logsStored } from './logs.js';
import { deliveryDue, deliveryEnded } from './notifications.js';
import { judgingProgressed, pipelineSampled } from './pipeline.js';
import { processGet, processList, processSignal } from './processes.js';
import { cleanedServices, cleanupRun } from './retention.js';
import { agentInspect, agentRevert, agentUpdate } from './rollouts.js';
import { settingsChanged, settingsGet } from './settings.js';
import { targetObserved, targetSampled } from './targets.js';
import { updateProgressed } from './updates.js';

/** What a service may do on the bus, beside answering requests under its own name and saying that it stops. Nothing else is open to it. */
export interface Grants {
  /** Requests that it asks. */
  asks: RequestContract[];
  /** Events that it says. */
  says: EventContract[];
  /** Events that it hears as they happen. */
  hears: EventContract[];
  /** Events that it takes from their stream through a durable consumer of this name. */
  consumes: { contract: EventContract; durable: string }[];
  /** Events that it follows or reads again in their stream. */
  follows: EventContract[];
  /** Commands that it gives to hosts. */
  commands: CommandContract[];
  /** Whether it claims work by leases. */
  leases: boolean;
  /** Whether it makes the streams that are missing, and changes their limits. */
  makesStreams: boolean;
}

const none: Grants = {
  asks: [],
  says: [],
  hears: [],
  consumes: [],
  follows: [],
  commands: [],
  leases: false,
  makesStreams: false,
};

/** How pollers are, which is no secret. */
const ofPollers = [healthGet('poller').name, diagnosticsGet('poller').name];
const secretRequests = new Set<Contract>(ownedConfigurationRequests);

/** What each service may do: the bus's users get exactly this. */
export const grants: Record<ServiceName | 'poller' | 'gateway', Grants> = {
  settings: {
    ...none,
    asks: [settingsGet, ...cleanedServices.map(cleanupRun), ...ownedConfigurationRequests],
    says: [settingsChanged, auditOccurred],
    hears: [settingsChanged, configChanged],
    leases: true,
  },
  auth: {
    ...none,
    asks: [settingsGet],
    says: [principalsChanged, configChanged],
    hears: [settingsChanged, configChanged],
    consumes: [{ contract: auditOccurred, durable: 'auth-audit' }],
  },
  'metrics-store': {
    ...none,
    asks: [settingsGet],
    says: [samplesStored],
    hears: [settingsChanged, configChanged],
    consumes: [
      { contract: hostSampled, durable: 'metrics-store' },
      { contract: targetSampled, durable: 'metrics-store-polled' },
      { contract: pipelineSampled, durable: 'metrics-store-pipeline' },
    ],
    makesStreams: true,
  },
  'log-store': {
    ...none,
    asks: [settingsGet],
    says: [logsStored],
    hears: [settingsChanged, configChanged],
    consumes: [{ contract: logCollected, durable: 'log-store' }],
    makesStreams: true,
  },
  fleet: {
    ...none,
    asks: [settingsGet, latestSampleGet, connectionTest],
    says: [agentChanged, agentConfigured, dockerhostChanged, dockerhostReported, nodeChanged, auditOccurred],
    hears: [agentReported, settingsChanged, configChanged],
    follows: [hostSampled],
    makesStreams: true,
  },
  alerting: {
    ...none,
    asks: [excursionsGet, settingsGet, nodeList, dockerhostList, logmatchCount],
    says: [alertChanged, alertingChanged, deliveryDue, deliveryEnded, pipelineSampled, judgingProgressed],
    hears: [
      alertChanged,
      alertingChanged,
      judgingProgressed,
      nodeChanged,
      dockerhostChanged,
      dockerhostReported,
      settingsChanged,
      configChanged,
    ],
    consumes: [{ contract: deliveryDue, durable: 'alerting-deliveries' }],
    follows: [hostSampled, targetObserved, agentChanged],
    leases: true,
  },
  updates: {
    ...none,
    asks: [agentList, settingsGet],
    says: [updateProgressed, auditOccurred],
    hears: [updateProgressed, settingsChanged, configChanged],
    commands: [agentInspect, agentUpdate, agentRevert],
    leases: true,
  },
  poller: {
    ...none,
    asks: [targetList, settingsGet],
    says: [targetObserved, targetSampled],
    hears: [nodeChanged, settingsChanged, configChanged],
    follows: [targetObserved],
    leases: true,
  },
  gateway: {
    ...none,
    // What pollers get holds secrets, and they are asked through fleet alone; what is carried away goes through settings, encrypted.
    asks: catalogue.filter(
      (contract) =>
        contract.kind === 'request' &&
        contract !== targetList &&
        (contract.service !== 'poller' || ofPollers.includes(contract.name)) &&
        !secretRequests.has(contract),
    ) as RequestContract[],
    says: [auditOccurred, noticePosted],
    hears: [
      serviceStopped,
      principalsChanged,
      configChanged,
      settingsChanged,
      nodeChanged,
      dockerhostChanged,
      dockerhostReported,
      noticePosted,
      alertingChanged,
      updateProgressed,
    ],
    follows: [hostSampled, agentChanged, targetObserved, alertChanged, logCollected],
    commands: [processList, processGet, processSignal],
  },
};

/** What an agent may do: say these about itself, hear these about itself, ask its own inquiries and answer its own commands. */
export const agentGrants = {
  says: [hostSampled, logCollected, agentReported] as EventContract[],
  hears: [samplesStored, logsStored, agentConfigured] as EventContract[],
};
