import { NOBODY, drawFor, sha256, type Who } from '../draw.js';
import type { FaultHit } from '../faults/rules.js';
import type { RuleBook } from '../faults/rule-book.js';
import { Refusal, type Ask, type Call, type Reply, type World } from './call.js';
import { match, type Matched } from './router.js';
import type { Service } from './service.js';

/** A request as it is logged. Credentials and bodies are not. */
export interface LoggedRequest {
  readonly at: number;
  readonly surface: string;
  readonly method: string;
  readonly path: string;
  /** Absent for a path that the service does not have. */
  readonly call?: string;
  readonly runKey: string;
  readonly attempt: number;
  /** Same call of the same run and attempt, from 1. */
  readonly nth: number;
  /** Answered, or 0 where the connection was broken instead. */
  readonly status: number;
  /** The fault that struck, and its form. */
  readonly fault?: string;
  /** `x-stainless-retry-count`, where it was sent: 0 for the first send. */
  readonly retryCount?: number;
  readonly beta?: string;
  readonly userAgent?: string;
  /** What the caller should not have done: `retried`, `no beta header`, `empty id`. */
  readonly complaints: readonly string[];
}

/** What becomes of a reply on its way out. */
export interface Outcome {
  readonly reply: Reply;
  readonly transport: 'whole' | 'half' | 'none';
  /** Service time before which nothing is sent. */
  readonly notBefore?: number;
  /** Headers beside those of the reply. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Decides about one request and does what it asks, in one transaction that is durable before anything is sent. */
export function dispatch(service: Service, call: Call, world: World, rules: RuleBook): Outcome {
  return world.store.transaction(() => decide(service, call, world, rules));
}

function decide(service: Service, call: Call, world: World, rules: RuleBook): Outcome {
  const now = world.clock.now();
  const matched = match(service.routes, call);
  if (!matched) {
    const reply = service.unknownRoute(call);
    return logged(service, call, world, { outcome: { reply, transport: 'whole' }, now });
  }
  const who = matched.route.who({ call, params: matched.params }, world);
  const { nth, draw, fault } = hitFor(service, matched.route.name, who, now, world, rules);
  const ask: Ask = {
    call,
    params: matched.params,
    who,
    nth,
    now,
    draw,
    fault,
    also: (name) => hitFor(service, name, who, now, world, rules),
  };
  const outcome = struck(service, matched, ask, world);
  return logged(service, call, world, { outcome, now, matched, ask });
}

function hitFor(
  { surface }: Service,
  name: string,
  who: Who,
  now: number,
  { seed, store }: World,
  rules: RuleBook,
): Pick<Ask, 'nth' | 'draw' | 'fault'> {
  const nth = store.next(`call ${surface} ${name} ${who.runKey} ${who.attempt}`);
  const draw = drawFor(seed, who, `${surface}.${name}`, nth);
  return { nth, draw, fault: rules.hit({ surface, call: name, who, nth }, now, draw) };
}

/** Faults of the way in and out are acted out here; those of the run are left to its handler. */
function struck(service: Service, matched: Matched, ask: Ask, world: World): Outcome {
  const { fault } = ask;
  const handled = (): Reply => handle(service, matched, ask, world);
  if (!fault || !isOfTheWay(fault, service)) return { reply: handled(), transport: 'whole' };
  const faultReply = (): Reply =>
    service.fault(fault, world.clock.callersMs(fault.seconds * 1000), new Date());
  switch (fault.do) {
    case 'drop-before':
      return { reply: { status: 0 }, transport: 'none' };
    case 'drop-after-commit':
      return { reply: handled(), transport: 'none' };
    case 'truncate-body':
      return { reply: handled(), transport: 'half' };
    case 'client-timeout':
      return { reply: handled(), transport: 'whole', notBefore: ask.now + fault.seconds * 1000 };
    case 'server-error':
      if (fault.commit === 'after') handled();
      return { reply: faultReply(), transport: 'whole' };
    default:
      return { reply: faultReply(), transport: 'whole' };
  }
}

function isOfTheWay({ do: name, form }: FaultHit, { surface }: Service): boolean {
  switch (name) {
    case 'drop-before':
    case 'drop-after-commit':
    case 'truncate-body':
    case 'client-timeout':
    case 'server-error':
    case 'throttle':
    case 'day-quota':
    case 'auth':
      return true;
    case 'spend-cap':
      return form === '429' || form === '402';
    case 'cancel-404':
      return surface === 'gemini';
    default:
      return false;
  }
}

function handle(service: Service, { route, params }: Matched, ask: Ask, world: World): Reply {
  try {
    service.guard({ call: ask.call, params });
    return route.handle(ask, world);
  } catch (error) {
    if (error instanceof Refusal) return error.reply;
    throw error;
  }
}

interface Decided {
  readonly outcome: Outcome;
  readonly now: number;
  readonly matched?: Matched;
  readonly ask?: Ask;
}

function logged(
  service: Service,
  call: Call,
  world: World,
  { outcome, now, matched, ask }: Decided,
): Outcome {
  const { headers } = call;
  const retryCount = headers['x-stainless-retry-count'];
  const complaints = service.complaintsAbout(call, matched?.params ?? {});
  const emptyId = Object.entries(matched?.params ?? {}).some(
    ([name, value]) => name === 'id' && value === '',
  );
  const line: LoggedRequest = {
    at: now,
    surface: service.surface,
    method: call.method,
    path: call.path,
    ...(matched && { call: matched.route.name }),
    ...(ask?.who ?? NOBODY),
    nth: ask?.nth ?? 0,
    status: outcome.transport === 'none' ? 0 : outcome.reply.status,
    ...(ask?.fault && { fault: `${ask.fault.do}:${ask.fault.form}` }),
    ...(retryCount !== undefined && { retryCount: Number(retryCount) }),
    ...(headers['anthropic-beta'] !== undefined && { beta: String(headers['anthropic-beta']) }),
    ...(headers['user-agent'] !== undefined && { userAgent: headers['user-agent'] }),
    complaints: emptyId ? [...complaints, 'empty id'] : complaints,
  };
  const number = world.store.log(line);
  const requestId = `req_${sha256(`${world.seed} request ${number}`).slice(0, 24)}`;
  return { ...outcome, headers: service.headersFor(requestId) };
}
