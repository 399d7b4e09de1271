import { SettingChanges, SystemSettings, type SystemSettings as Settings } from '@lapwing/contracts';
import { z } from 'zod';
import { lapwingVersion } from '../../../version.js';

const { retentionDays, batchWindowSeconds, batchIdleTimeoutSeconds, detectionConfidenceThreshold } =
  SettingChanges.shape;
const all = SystemSettings.shape;

/** The configuration as the home-security API shows it. */
export const ConfigView = z.object({
  app_name: z.string(),
  version: z.string(),
  retention_days: all.retentionDays.unwrap(),
  batch_window_seconds: all.batchWindowSeconds.unwrap(),
  batch_idle_timeout_seconds: all.batchIdleTimeoutSeconds.unwrap(),
  detection_confidence_threshold: all.detectionConfidenceThreshold.unwrap(),
});
/** See {@link ConfigView}. */
export type ConfigView = z.infer<typeof ConfigView>;

/** What may be changed of it, and nothing else. */
export const ConfigChanges = z.strictObject({
  retention_days: retentionDays,
  batch_window_seconds: batchWindowSeconds,
  batch_idle_timeout_seconds: batchIdleTimeoutSeconds,
  detection_confidence_threshold: detectionConfidenceThreshold,
});
/** See {@link ConfigChanges}. */
export type ConfigChanges = z.infer<typeof ConfigChanges>;

/** The configuration as it is shown. */
export function toConfigView(settings: Settings): ConfigView {
  return {
    app_name: 'Lapwing',
    version: lapwingVersion,
    retention_days: settings.retentionDays,
    batch_window_seconds: settings.batchWindowSeconds,
    batch_idle_timeout_seconds: settings.batchIdleTimeoutSeconds,
    detection_confidence_threshold: settings.detectionConfidenceThreshold,
  };
}

/** A change as the settings service wants it. */
export function toSettingChanges(changes: ConfigChanges): SettingChanges {
  return {
    retentionDays: changes.retention_days,
    batchWindowSeconds: changes.batch_window_seconds,
    batchIdleTimeoutSeconds: changes.batch_idle_timeout_seconds,
    detectionConfidenceThreshold: changes.detection_confidence_threshold,
  };
}
