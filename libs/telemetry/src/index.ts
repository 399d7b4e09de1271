export * from './exposition.js';
export * from './logger.js';
export * from './metrics.js';
export { recentProblems, type LoggedProblem } from './problems.js';
export * from './tracing.js';
