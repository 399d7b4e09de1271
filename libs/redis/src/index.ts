export { Redis } from './redis.js';
