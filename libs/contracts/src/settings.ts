import { z } from 'zod';
import { event, request } from './define.js';

/** How often hosts are sampled, in whole seconds. */
export const RefreshInterval = z.int().min(1).max(300);

/** The settings of the whole system. */
export const SystemSettings = z.object({ refreshInterval: RefreshInterval });
/** See {@link SystemSettings}. */
export type SystemSettings = z.infer<typeof SystemSettings>;

/** What holds until somebody sets it otherwise. */
export const defaultSystemSettings: SystemSettings = { refreshInterval: 5 };

/** Reads the settings of the system. */
export const settingsGet = request('req.settings.system.get.v1', { input: z.object({}), output: SystemSettings });

/** Changes some of them; answers with all as they are now. */
export const settingsUpdate = request('req.settings.system.update.v1', {
  input: SystemSettings.partial(),
  output: SystemSettings,
});

/** The settings of the system are now these. Key: `system`. */
export const settingsChanged = event('evt.settings.changed.v1', 'EVENTS', SystemSettings);
