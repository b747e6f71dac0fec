import { UsageError } from '../../contract/errors.js';
import { messageOf } from '../../contract/thrown.js';
import { READY_MADE, addReadyMade } from './anthropic/catalogue-routes.js';
import { anthropic } from './anthropic/service.js';
import { Clock, type ClockState } from './clock.js';
import { controlRoute } from './control.js';
import { Controls } from './controls.js';
import { rulesOf, type ProfileName } from './faults/profiles.js';
import { RuleBook } from './faults/rule-book.js';
import { faultRuleSchema, type FaultRuleInput } from './faults/rules.js';
import { gemini } from './gemini/service.js';
import type { World } from './http/call.js';
import type { LoggedRequest } from './http/dispatch.js';
import { listen } from './http/listener.js';
import type { AgentLedger } from './ledger.js';
import { Store } from './store.js';

export interface AgentServerOptions {
  /** Same seed, same outputs, durations, costs, ids and faults, in whatever order requests come. */
  readonly seed: string | number;
  /** 0, a free one, unless given. */
  readonly port?: number;
  /** SQLite file that keeps everything; a server started again on it goes on. In memory unless given. */
  readonly file?: string;
  /** Service time per real time: 720 makes an hour of 5 seconds. `stepped` moves by `advance` alone. Default 1. */
  readonly speed?: number | 'stepped';
  /** Default `calm`. */
  readonly profile?: ProfileName;
  /** Asked before the profile, in this order. */
  readonly faults?: readonly FaultRuleInput[];
}

export interface AgentServer {
  readonly url: string;
  /** `httpOptions.baseUrl` of @google/genai. */
  readonly geminiUrl: string;
  /** `baseURL` of @anthropic-ai/sdk. */
  readonly anthropicUrl: string;
  /** Ids at `anthropicUrl` that are there from the start, as an operator would have made them once. */
  readonly readyMade: { readonly agent: string; readonly environment: string };
  ledger(): AgentLedger;
  requests(): LoggedRequest[];
  addFault(rule: FaultRuleInput): void;
  /** Milliseconds of service time. */
  advance(ms: number): void;
  /** Service time, milliseconds since 1970. */
  now(): number;
  reset(): void;
  /** Breaks open connections; what was answered stays in the file. */
  close(): Promise<void>;
}

/**
 * Serves the wire contracts of the Gemini Interactions API and of Anthropic's managed agents on 127.0.0.1, with
 * runs that cost nothing and faults by rule.
 * @throws RangeError for a speed or profile that is none
 * @throws UsageError for a file that belongs to another seed, or can't be used
 * @throws z.ZodError for a fault rule that can never strike
 */
export async function startAgentServer(options: AgentServerOptions): Promise<AgentServer> {
  const seed = String(options.seed);
  const rules = [
    ...(options.faults ?? []).map((rule) => faultRuleSchema.parse(rule)),
    ...rulesOf(options.profile ?? 'calm'),
  ];
  const speed = speedOf(options.speed ?? 1);
  const store = openStore(options.file);
  try {
    checkSeed(store, seed);
    const clock = openClock(store, speed);
    const world: World = { seed, store, clock };
    store.transaction(() => addReadyMade(world));
    const book = new RuleBook(store, rules, beginningOf(store, clock));
    const controls = new Controls(world, book);
    const { server, port } = await listen(options.port ?? 0, {
      services: [gemini, anthropic],
      control: (method, path, body) => controlRoute(controls, method, path, body),
      world,
      rules: book,
    });
    const url = `http://127.0.0.1:${port}`;
    return {
      url,
      geminiUrl: `${url}/gemini`,
      anthropicUrl: `${url}/anthropic`,
      readyMade: READY_MADE,
      ledger: () => controls.ledger(),
      requests: () => controls.requests(),
      addFault: (rule) => controls.addFault(rule),
      advance: (ms) => controls.advance(ms),
      now: () => controls.now(),
      reset: () => controls.reset(),
      close: async () => {
        await new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        });
        store.close();
      },
    };
  } catch (error) {
    store.close();
    throw error;
  }
}

/** @throws UsageError for a file that is none of ours, or can't be made */
function openStore(file: string | undefined): Store {
  if (file === undefined) return new Store();
  try {
    return new Store(file);
  } catch (error) {
    const why = `${file} can’t be used: ${messageOf(error)}`;
    throw new UsageError(
      `${why}; name a file that an agent server has made, or a new one in a folder that exists`,
    );
  }
}

function speedOf(speed: number | 'stepped'): number {
  if (speed === 'stepped') return 0;
  if (Number.isFinite(speed) && speed > 0) return speed;
  throw new RangeError(`speed is ${speed}: it must be a number above 0, or "stepped"`);
}

function checkSeed(store: Store, seed: string): void {
  const known = store.meta<string>('seed');
  if (known === undefined) store.setMeta('seed', seed);
  else if (known !== seed)
    throw new UsageError(`the file belongs to seed ${known}, not ${seed}; give that seed, or another file`);
}

function openClock(store: Store, speed: number): Clock {
  const save = (state: ClockState): void => store.setMeta('clock', state);
  const clock = new Clock(store.meta<ClockState>('clock') ?? Clock.begin(speed), save);
  clock.run(speed);
  return clock;
}

/** When the file was made: faults that begin after a while count from there, also after a restart. */
function beginningOf(store: Store, clock: Clock): number {
  const known = store.meta<number>('beginning');
  if (known !== undefined) return known;
  store.setMeta('beginning', clock.now());
  return clock.now();
}
