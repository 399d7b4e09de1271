/** Where the agent's data is, unless the environment says so. */
export const DATA_DIR = '.data/collector';
/** Seconds in which a new version of the agent must prove itself, unless the environment says so. */
export const TRIAL_SECONDS = 120;

/**
 * What the launcher needs of the settings, which it cannot read as others do: what checks them is part of the version that it launches. That one
 * refuses what is not valid.
 */
export function launcherSettings(environment: NodeJS.ProcessEnv): { folder: string; trialSeconds: number } {
  const seconds = Number(environment['COLLECTOR_TRIAL_SECONDS']);
  return {
    folder: environment['COLLECTOR_DATA_DIR'] || DATA_DIR,
    trialSeconds: seconds >= 1 && seconds <= 600 ? seconds : TRIAL_SECONDS,
  };
}
