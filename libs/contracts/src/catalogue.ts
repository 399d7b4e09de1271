import {
  agentChanged,
  agentConfigure,
  agentConfigured,
  agentCreate,
  agentDelete,
  agentEnroll,
  agentGet,
  agentList,
  agentReported,
  agentRevoke,
  agentSettingsGet,
  registrationApprove,
  registrationList,
  registrationReject,
} from './agents.js';
import { auditList, auditOccurred } from './audit.js';
import type { Contract } from './define.js';
import { deliveryGet, hostSampled, ledgerGet, samplesStored } from './delivery.js';
import {
  dockercommandAcknowledge,
  dockerhostAllow,
  dockerhostChanged,
  dockerhostList,
  dockerhostMark,
  dockerhostRemove,
  dockerhostReport,
  dockerhostReported,
} from './docker-hosts.js';
import { stateGet } from './fleet-state.js';
import { healthGet } from './health.js';
import { gpuHistoryGet, historyGet, latestSampleGet } from './history.js';
import {
  configApply,
  configChanged,
  principalGet,
  principalsChanged,
  recoverySet,
  roleCreate,
  roleDelete,
  roleList,
  roleUpdate,
  securityStatusGet,
  setupCreate,
  tokenCreate,
  tokenDelete,
  tokenList,
  tokenRegenerate,
} from './identity.js';
import {
  connectionTest,
  guestmetadataDelete,
  guestmetadataGet,
  guestmetadataList,
  guestmetadataUpdate,
  nodeChanged,
  nodeCreate,
  nodeDelete,
  nodeList,
  nodeRegister,
  nodeTest,
  nodeUpdate,
  noticePosted,
  setupcodeCreate,
  targetList,
} from './nodes.js';
import { processGet, processList, processSignal } from './processes.js';
import { settingsChanged, settingsGet, settingsUpdate } from './settings.js';
import { chartsGet, targetObserved, targetSampled } from './targets.js';
import {
  lockoutReset,
  oidcBegin,
  oidcFinish,
  passwordChange,
  passwordReset,
  profileUpdate,
  sessionCreate,
  sessionEnd,
  totpBegin,
  totpDisable,
  totpEnable,
  totpGet,
  userCreate,
  userGet,
  userList,
  userRegister,
  userUpdate,
} from './users.js';

/** The services that answer requests, in the order in which they are started. */
export const services = ['settings', 'auth', 'metrics-store', 'fleet'] as const;
/** The name of a service. */
export type ServiceName = (typeof services)[number];

/** Every message of Lapwing: `subjects.txt` is derived from it, and a test wants a fixture for each. */
export const catalogue: Contract[] = [
  hostSampled,
  samplesStored,
  settingsChanged,
  deliveryGet,
  ledgerGet,
  historyGet,
  gpuHistoryGet,
  latestSampleGet,
  settingsGet,
  settingsUpdate,
  ...services.map(healthGet),
  processList,
  processGet,
  processSignal,
  principalGet,
  principalsChanged,
  securityStatusGet,
  recoverySet,
  setupCreate,
  configApply,
  configChanged,
  roleList,
  roleCreate,
  roleUpdate,
  roleDelete,
  tokenList,
  tokenCreate,
  tokenDelete,
  tokenRegenerate,
  sessionCreate,
  sessionEnd,
  oidcBegin,
  oidcFinish,
  userList,
  userGet,
  userCreate,
  userRegister,
  userUpdate,
  profileUpdate,
  passwordChange,
  passwordReset,
  lockoutReset,
  totpGet,
  totpBegin,
  totpEnable,
  totpDisable,
  auditOccurred,
  auditList,
  agentEnroll,
  agentList,
  agentGet,
  agentCreate,
  agentDelete,
  agentRevoke,
  agentConfigure,
  agentConfigured,
  agentReported,
  agentSettingsGet,
  agentChanged,
  registrationList,
  registrationApprove,
  registrationReject,
  stateGet,
  dockerhostReport,
  dockerhostList,
  dockerhostRemove,
  dockerhostAllow,
  dockerhostMark,
  dockerhostChanged,
  dockerhostReported,
  dockercommandAcknowledge,
  nodeList,
  nodeCreate,
  nodeUpdate,
  nodeDelete,
  nodeTest,
  nodeRegister,
  nodeChanged,
  setupcodeCreate,
  targetList,
  connectionTest,
  targetObserved,
  targetSampled,
  chartsGet,
  guestmetadataList,
  guestmetadataGet,
  guestmetadataUpdate,
  guestmetadataDelete,
  noticePosted,
];

/** The catalogue as text, a line each: what it is, its subject, and the stream that keeps it. */
export function describeCatalogue(): string {
  const line = (contract: Contract): string => {
    if (contract.kind === 'event') return `event    ${contract.name}.<key>  ${contract.stream ?? '(transient)'}`;
    if (contract.kind === 'command') return `command  cmd.<agent>.${contract.name}`;
    if (contract.kind === 'inquiry') return `inquiry  ask.<agent>.${contract.name}  ${contract.service}`;
    return `request  ${contract.name}`;
  };
  return `${catalogue.map(line).toSorted().join('\n')}\n`;
}
