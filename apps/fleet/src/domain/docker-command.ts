import type { DockerCommand } from '@lapwing/contracts';

/** A command that nobody has fetched or finished within this time is over. */
export const COMMAND_MS = 600_000;

/** A new command to stop. */
export function stopCommand(id: string, now: number): DockerCommand {
  const never = { dispatchedAt: null, acknowledgedAt: null, completedAt: null, failedAt: null };
  const text = { message: 'the agent is to stop', failureReason: '' };
  return {
    id,
    type: 'stop',
    status: 'queued',
    createdAt: now,
    updatedAt: now,
    ...never,
    ...text,
    expiresAt: now + COMMAND_MS,
  };
}

const isWaiting = ({ status }: DockerCommand): boolean => ['queued', 'dispatched', 'acknowledged'].includes(status);

/** Whether a command still waits for the agent. */
export function isOpen(command: DockerCommand | null, now: number): command is DockerCommand {
  return command !== null && isWaiting(command) && command.expiresAt > now;
}

/** A command as it stands now: one whose time is over has expired. */
export function present(command: DockerCommand | null, now: number): DockerCommand | null {
  if (command === null || !isWaiting(command) || command.expiresAt > now) return command;
  return { ...command, status: 'expired', updatedAt: command.expiresAt };
}

/** A command that the agent gets with an answer; it gets it again until it acknowledges. */
export function dispatch(command: DockerCommand, now: number): DockerCommand {
  if (command.status !== 'queued') return command;
  return { ...command, status: 'dispatched', dispatchedAt: now, updatedAt: now };
}

/** What the agent says became of it. */
export function acknowledge(
  command: DockerCommand,
  said: { status: 'acknowledged' | 'completed' | 'failed'; message: string },
  now: number,
): DockerCommand {
  const { status, message } = said;
  const next = { ...command, status, updatedAt: now, message: message || command.message };
  const acknowledgedAt = command.acknowledgedAt ?? now;
  if (status === 'completed') return { ...next, acknowledgedAt, completedAt: now };
  if (status === 'failed') return { ...next, acknowledgedAt, failedAt: now, failureReason: message };
  return { ...next, acknowledgedAt };
}
