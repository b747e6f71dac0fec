import { randomBytes } from 'node:crypto';
import { UsageError } from '../../contract/errors.js';
import type { AgentServerOptions } from './agent-server.js';
import { isProfile } from './faults/profiles.js';
import { faultRuleSchema, type FaultRuleInput } from './faults/rules.js';
import { jsonBody } from './http/json-body.js';

/** Options as they are written on a command line. */
export interface AgentServerFlags {
  readonly seed?: string | undefined;
  readonly port?: string | undefined;
  readonly file?: string | undefined;
  readonly speed?: string | undefined;
  readonly profile?: string | undefined;
  /** Each a rule in JSON. */
  readonly fault?: readonly string[] | undefined;
}

/** @throws UsageError naming the flag that is wrong and what would be right */
export function readAgentServerFlags(
  flags: AgentServerFlags,
): AgentServerOptions & { readonly seed: string } {
  const { seed = randomBytes(4).toString('hex'), file } = flags;
  return {
    seed,
    port: portOf(flags.port ?? '0'),
    speed: speedOf(flags.speed ?? '1'),
    profile: profileOf(flags.profile ?? 'calm'),
    faults: (flags.fault ?? []).map(faultOf),
    ...(file !== undefined && { file }),
  };
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new UsageError(`--port is "${text}": it must be a whole number from 0 (any free port) to 65535`);
}

function speedOf(text: string): number | 'stepped' {
  if (text === 'stepped') return text;
  const speed = Number(text);
  if (Number.isFinite(speed) && speed > 0) return speed;
  throw new UsageError(`--speed is "${text}": it must be a number above 0, or "stepped"`);
}

function profileOf(text: string): NonNullable<AgentServerOptions['profile']> {
  if (isProfile(text)) return text;
  throw new UsageError(`--profile is "${text}": it must be calm, night, storm or one-fault:<fault>`);
}

const RULE = '{"do":"throttle","times":2}';

function faultOf(text: string): FaultRuleInput {
  const rule = jsonBody({ body: Buffer.from(text) });
  if (rule === undefined) throw new UsageError(`--fault ${text} is no JSON; write a rule such as '${RULE}'`);
  const read = faultRuleSchema.safeParse(rule);
  if (read.success) return read.data;
  const why = read.error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; ');
  throw new UsageError(`--fault ${text} is no rule such as '${RULE}': ${why}`);
}
