/** The services that keep something in PostgreSQL, and the schema that each owns. */
export const serviceSchemas = [
  { app: 'settings', schema: 'settings', isConfiguration: true },
  { app: 'auth', schema: 'auth', isConfiguration: true },
  { app: 'metrics-store', schema: 'metrics', isConfiguration: false },
  { app: 'log-store', schema: 'logs', isConfiguration: false },
  { app: 'fleet', schema: 'fleet', isConfiguration: true },
  { app: 'alerting', schema: 'alerting', isConfiguration: true },
  { app: 'updates', schema: 'updates', isConfiguration: true },
] as const;
