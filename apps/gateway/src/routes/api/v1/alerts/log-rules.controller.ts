import { Bus } from '@lapwing/bus';
import {
  alertConfigGet,
  logmatchCount,
  logruleCreate,
  logruleDelete,
  logruleUpdate,
  type Actor,
} from '@lapwing/contracts';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Audits, Requires, Unaudited } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { By } from '../../../../http/caller.js';
import { bodyText, pathText } from '../../../../http/facts.js';
import {
  LogMatches,
  LogRuleBody,
  LogRuleTrial,
  LogRuleView,
  toFilter,
  toLogRuleDraft,
  toLogRuleView,
  toMatches,
} from './log-rules.view.js';

const ById = z.object({ id: z.string().max(64) });
type ById = z.infer<typeof ById>;
type LogRuleBody = z.infer<typeof LogRuleBody>;
const Rules = z.object({ rules: z.array(LogRuleView) });

const fact = (action: string) => (request: FastifyRequest) => ({
  type: 'log_rule',
  action,
  target: pathText(request, 'id') || bodyText(request, 'name'),
});

/** Rules on logs: so many lines that match within a window raise an alert. */
@Controller('api/v1/alerts/log-rules')
export class LogRulesController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('alerts:view')
  @Answers('All rules on logs', Rules)
  async list(): Promise<z.infer<typeof Rules>> {
    const { logRules } = await this.bus.request(alertConfigGet, {});
    return { rules: logRules.map(toLogRuleView) };
  }

  @Post()
  @Requires('alerts:configure')
  @Audits(fact('created'))
  @Answers('Adds a rule on logs', LogRuleView, [201])
  async create(@Body({ schema: LogRuleBody }) body: LogRuleBody, @By() actor: Actor) {
    return toLogRuleView(await this.bus.request(logruleCreate, { actor, draft: toLogRuleDraft(body) }));
  }

  @Post('test')
  @HttpCode(200)
  @Requires('logs:view')
  @Unaudited()
  @Answers('How many lines a rule would count now, by agent; nothing is told, and nothing changes', LogMatches)
  async test(@Body({ schema: LogRuleTrial }) trial: z.infer<typeof LogRuleTrial>): Promise<z.infer<typeof LogMatches>> {
    const filter = toFilter(trial, Date.now());
    return toMatches(await this.bus.request(logmatchCount, { filter }), filter);
  }

  @Put(':id')
  @Requires('alerts:configure')
  @Audits(fact('updated'))
  @Answers('Replaces a rule on logs; its id stays', LogRuleView)
  async update(
    @Param({ schema: ById }) { id }: ById,
    @Body({ schema: LogRuleBody }) body: LogRuleBody,
    @By() actor: Actor,
  ) {
    return toLogRuleView(await this.bus.request(logruleUpdate, { actor, id, draft: toLogRuleDraft(body) }));
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('alerts:configure')
  @Audits(fact('deleted'))
  @Answers('Removes a rule on logs: what is open of it is over', z.undefined(), [204])
  async delete(@Param({ schema: ById }) { id }: ById, @By() actor: Actor): Promise<void> {
    await this.bus.request(logruleDelete, { actor, id });
  }
}
