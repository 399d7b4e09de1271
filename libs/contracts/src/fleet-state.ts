import { z } from 'zod';
import { Agent } from './agents.js';
import { request } from './define.js';
import { HostSample } from './host-sample.js';

/**
 * The present state of hosts with their containers and graphics cards: each approved agent with its newest sample, whether it still reports or
 * not. In pages of at most 500 kB, by id; a page continues `after` the last id of the one before.
 */
export const stateGet = request('req.fleet.state.get.v1', {
  input: z.object({ after: z.string().max(64).default('') }),
  output: z.object({
    hosts: z.array(z.object({ agent: Agent, sample: HostSample.nullable() })),
    next: z.string().nullable(),
  }),
});
