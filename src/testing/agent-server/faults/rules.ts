import { z } from 'zod';
import type { Draw, Who } from '../draw.js';
import type { Surface } from '../http/call.js';
import {
  CALLS,
  DEFAULT_SECONDS,
  DEFAULT_SLOW_FACTOR,
  FAULTS,
  FAULT_NAMES,
  type FaultName,
} from './catalogue.js';

export const faultRuleSchema = z
  .strictObject({
    match: z
      .strictObject({
        surface: z.enum(['gemini', 'anthropic']).optional(),
        call: z.string().optional().describe('such as interactions.create or events.send'),
        runKey: z.string().optional(),
        attempt: z.int().min(0).optional(),
        nth: z.int().min(1).optional().describe('n-th such call of that run and attempt, from 1'),
      })
      .default({}),
    do: z.enum(FAULT_NAMES),
    with: z
      .strictObject({
        form: z.string().optional().describe('how it looks; drawn when absent'),
        seconds: z.number().min(0).optional().describe('service time'),
        factor: z.number().positive().optional().describe('of `slow`'),
        commit: z
          .enum(['before', 'after'])
          .optional()
          .describe('of `server-error`: is the work done all the same'),
        body: z.enum(['word', 'classic']).optional().describe('error shape of Gemini'),
      })
      .default({}),
    times: z.int().min(1).optional().describe('strikes so often, then never again'),
    p: z.number().min(0).max(1).optional().describe('chance per call; only calls of a known run'),
  })
  .superRefine((rule, context) => {
    for (const message of problemsOf(rule)) context.addIssue({ code: 'custom', message });
  });
export type FaultRule = z.infer<typeof faultRuleSchema>;
/** A rule as it is written: everything but `do` may be left out. */
export type FaultRuleInput = z.input<typeof faultRuleSchema>;

/** Why a rule would never strike. */
function problemsOf(rule: Pick<FaultRule, 'match' | 'do' | 'with'>): string[] {
  const { surface, call } = rule.match;
  const { form } = rule.with;
  const wanted = surface === undefined ? SURFACES : ([surface] as const);
  const known = [...new Set(wanted.flatMap((name) => CALLS[name]))];
  if (call !== undefined && !known.includes(call)) {
    const [other] = SURFACES.filter((name) => CALLS[name].includes(call));
    if (other !== undefined) return [`${surface} has no call ${call}, ${other} has`];
    return [`there is no call ${call}; there are ${known.join(', ')}`];
  }
  const places = wanted.filter((name) => FAULTS[rule.do][name] !== undefined);
  if (places.length === 0) return [`"${rule.do}" does not exist at ${surface}`];
  const strikes = (of: readonly Surface[], asked?: string) =>
    of.flatMap((name) => callsOf(rule.do, name, asked));
  const struck = places.filter((name) => call === undefined || strikes([name]).includes(call));
  if (struck.length === 0) {
    return [`"${rule.do}" can't strike ${call}; it strikes ${strikes(places).join(', ')}`];
  }
  if (form === undefined) return [];
  const having = struck.filter((name) => FAULTS[rule.do][name]?.forms.includes(form));
  if (having.length === 0) {
    const forms = struck.flatMap((name) => FAULTS[rule.do][name]?.forms ?? []);
    return [`"${rule.do}" has no form "${form}"; it has ${forms.join(', ')}`];
  }
  if (call === undefined || strikes(having, form).includes(call)) return [];
  return [`"${rule.do}" as "${form}" can't strike ${call}; it strikes ${strikes(having, form).join(', ')}`];
}

const SURFACES = ['gemini', 'anthropic'] as const satisfies readonly Surface[];

/** Calls that a fault can strike at a service, in one of its forms. */
function callsOf(fault: FaultName, surface: Surface, form?: string): readonly string[] {
  const place = FAULTS[fault][surface];
  if (!place) return [];
  return (form === undefined ? undefined : place.callsOfForm?.[form]) ?? place.calls ?? CALLS[surface];
}

/** A call about which the rules are asked. */
export interface Question {
  readonly surface: Surface;
  readonly call: string;
  readonly who: Who;
  readonly nth: number;
}

/** A fault that strikes, with nothing left open. */
export interface FaultHit {
  readonly do: FaultName;
  readonly form: string;
  /** Service time. */
  readonly seconds: number;
  readonly factor: number;
  readonly commit: 'before' | 'after';
  readonly body: 'word' | 'classic';
}

/** Whether a rule is about this call at all; chance and `times` apart. */
export function isAbout(
  { match, do: fault, with: { form } }: FaultRule,
  { surface, call, who, nth }: Question,
): boolean {
  return (
    (match.surface === undefined || match.surface === surface) &&
    (match.call === undefined || match.call === call) &&
    callsOf(fault, surface, form).includes(call) &&
    (match.runKey === undefined || match.runKey === who.runKey) &&
    (match.attempt === undefined || match.attempt === who.attempt) &&
    (match.nth === undefined || match.nth === nth)
  );
}

/**
 * Whether chance lets the rule strike. A call that names no run is spared: its place in the order of requests
 * would decide, and a night could not be replayed.
 */
export const chanceAllows = (
  { p, do: fault }: FaultRule,
  { who }: Question,
  id: string,
  draw: Draw,
): boolean => p === undefined || (who.runKey !== '' && draw.unit(`${id} ${fault}`) < p);

export function hitOf(rule: FaultRule, { surface, call }: Question, draw: Draw): FaultHit {
  const { form, seconds, factor, commit, body } = rule.with;
  const all = FAULTS[rule.do][surface]?.forms ?? ['plain'];
  const [first = 'plain', ...others] = all.filter((one) => callsOf(rule.do, surface, one).includes(call));
  const forms = [first, ...others] as const;
  return {
    do: rule.do,
    form: form !== undefined && forms.includes(form) ? form : draw.pick(`${rule.do} form`, forms),
    seconds: seconds ?? DEFAULT_SECONDS[rule.do] ?? 0,
    factor: factor ?? DEFAULT_SLOW_FACTOR,
    commit: commit ?? draw.pick(`${rule.do} commit`, ['before', 'after']),
    body: body ?? draw.pick(`${rule.do} body`, ['word', 'classic']),
  };
}
