export { Redis } from './redis.js';
export { SlidingWindow, slide, type Limit, type Verdict, type WindowState } from './sliding-window.js';
