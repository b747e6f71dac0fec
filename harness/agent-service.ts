/**
 * The agent service in a process of its own: the local agent server, which acts out what sessions do wrong, behind a
 * gate that does what networks, limits and outages do. The gate counts the calls that come although they were told to
 * wait.
 */
import { Agent, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  startAgentServer,
  type AgentLedger,
  type FaultRuleInput,
} from '../src/testing/agent-server/index.js';
import { JOBS, nightFaults, type JobFaults } from './faults.js';
import { WORLDS, minutesMs, serviceKey, type World } from './night.js';
import { Weathers, type Weather } from './weather.js';
import {
  LEFT_AT,
  bodyOf,
  kill,
  reply,
  serveFake,
  settingsOfProcess,
  whoseRequest,
  type Whose,
} from './wire.js';

export interface ServiceCounts {
  readonly ledger: AgentLedger;
  /**
   * By `<world>/<night>`: starts, and environments asked for, that were refused because a limit was reached, but for the
   * first; those that were under way when it was told too.
   */
  readonly whileLimited: Readonly<Record<string, number>>;
  /** Of these: it left when the carrier had been told, a minute of the night before or earlier, to wait for longer. */
  readonly ignoredWaits: Readonly<Record<string, number>>;
  /** By `<world>/<night>`: calls that went wrong by the draw. */
  readonly struck: Readonly<Record<string, number>>;
}

const settings = settingsOfProcess();
const weathers = new Weathers(settings);
const whileLimited = new Map<string, number>();
const ignoredWaits = new Map<string, number>();
/** By `<world>/<night>`: when the carrier was told to wait, and how long; milliseconds since the epoch. */
const told = new Map<string, { readonly at: number; readonly until: number }>();
const jobByKey = new Map<string, number>();
/** Which job an environment or an interaction belongs to. */
const jobById = new Map<string, number>();
const connections = new Agent({ keepAlive: true, maxSockets: 64 });

/** How the agent server acts out what a session does wrong. */
const RULES: Record<NonNullable<JobFaults['session']>, Pick<FaultRuleInput, 'do' | 'with'>> = {
  'never-ends': { do: 'timeout-mid-run' },
  sandbox: { do: 'sandbox-restart', with: { form: 'fails' } },
  empty: { do: 'empty-output' },
  cut: { do: 'truncated-output' },
};

const agents = await startAgentServer({ seed: settings.seed, speed: settings.speed, faults: rules() });

function rules(): FaultRuleInput[] {
  const all: FaultRuleInput[] = [];
  for (let night = settings.from; night < settings.to; night++) {
    const faults = nightFaults(settings.seed, night);
    for (const world of WORLDS) {
      for (let job = 0; job < JOBS; job++) {
        const runKey = serviceKey(world, night, job);
        jobByKey.set(runKey, job);
        if (faults.poison === job) all.push({ match: { surface: 'gemini', runKey }, do: 'refuse' });
        const session = faults.jobs[job]?.session;
        if (session) all.push({ match: { surface: 'gemini', runKey, attempt: 1 }, ...RULES[session] });
      }
    }
  }
  return all;
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const whose = whoseRequest(request.url ?? '');
  if (!whose) return reply(response, 404, { error: { code: 404, status: 'NOT_FOUND', message: 'no' } });
  const weather = weathers.of(whose);
  const body = await bodyOf(request);
  const { step, job, sent } = readCall(request.method ?? 'GET', whose, body, weather);
  const { faults } = weather;

  if (step === 'start') {
    weather.beginWith('quota', job, faults.quota);
    weather.beginWith('down', job, faults.providerDown);
    const minutes = job === undefined ? undefined : faults.jobs[job]?.throttled;
    if (minutes !== undefined) weather.begin(`throttled ${job}`, minutes);
  }
  if (weather.deadCredential) return refuse(response, 401, 'UNAUTHENTICATED');
  const waitMs = Math.max(
    weather.leftMs('quota'),
    ...Array.from({ length: JOBS }, (_, each) => weather.leftMs(`throttled ${each}`)),
  );
  if (waitMs > 0 && (step === 'start' || step === 'prepare'))
    return limit(response, { whose, weather, waitMs, leftAt: leftAt(request) });
  const isRough = weather.leftMs('down') > 0;
  if (isRough && faults.providerDown?.how === 'down') return refuse(response, 503, 'UNAVAILABLE');

  const rough = isRough ? weather.call(job, step, 0.1) : 'none';
  const fault = rough !== 'none' ? rough : step === 'look again' ? 'none' : weather.call(job, step);
  if (fault === '503-before') return refuse(response, 503, 'UNAVAILABLE');
  if (fault === 'reset-before') return void response.destroy();
  const isMidSession = step === 'look' || step === 'look again';
  if (isMidSession && weather.once('kill', job !== undefined && faults.killed === job)) {
    return kill(whose, response);
  }
  const answer = await forward(request, whose.rest, sent);
  learn(answer, job);
  if (fault === '503-after') return refuse(response, 503, 'UNAVAILABLE');
  if (fault === 'reset-after') return void response.destroy();
  response.writeHead(answer.status, answer.headers);
  response.end(answer.body);
}

interface Call {
  /** `prepare`: what a start needs first · `look again`: a repeated look, which is spared: who looks often is not to suffer. */
  readonly step: 'start' | 'prepare' | 'look' | 'look again' | 'cancel' | 'file' | 'tidy';
  readonly job: number | undefined;
  readonly sent: Buffer;
}

function readCall(
  method: string,
  { world, night, rest }: Whose & { readonly rest: string },
  body: Buffer,
  weather: Weather,
): Call {
  const id = /(?:interactions|environments)\/([^/:?]+)/.exec(rest)?.[1];
  const claimed = /claim\/([0-9a-f]{32})-/.exec(decodeURIComponent(rest))?.[1];
  const job = claimed !== undefined ? jobByKey.get(claimed) : id === undefined ? undefined : jobById.get(id);
  if (id !== undefined && job !== undefined) jobById.set(id, job);
  if (method === 'POST' && /\/interactions(\?|$)/.test(rest)) return readStart(world, night, body, weather);
  if (method === 'POST' && /\/environments(\?|$)/.test(rest)) return { step: 'prepare', job, sent: body };
  if (method === 'DELETE') return { step: 'tidy', job, sent: body };
  if (method === 'POST' && rest.includes('cancel')) return { step: 'cancel', job, sent: body };
  if (method === 'GET' && rest.includes('/interactions/')) {
    return { step: weather.nth(`look ${id}`) === 1 ? 'look' : 'look again', job, sent: body };
  }
  return { step: 'file', job, sent: body };
}

/** Scripts name no key that the service's ledger could tell them apart by: the gate adds one, and counts the attempts. */
function readStart(world: World, night: number, body: Buffer, weather: Weather): Call {
  const start = JSON.parse(body.toString()) as { labels?: Record<string, string> };
  const { ns_run: runKey, slug } = start.labels ?? {};
  if (runKey !== undefined) return { step: 'start', job: jobByKey.get(runKey), sent: body };
  const job = Number(/\d+$/.exec(slug ?? '')?.[0]);
  const labels = {
    ns_run: serviceKey(world, night, job),
    ns_attempt: String(weather.nth(`attempt ${job}`)),
  };
  return { step: 'start', job, sent: Buffer.from(JSON.stringify({ ...start, labels })) };
}

/** When it left: on a busy machine calls are on their way for a while. Of a script, when it came. */
const leftAt = (request: IncomingMessage): number => Number(request.headers[LEFT_AT] ?? Date.now());

interface Limited {
  readonly whose: Whose;
  readonly weather: Weather;
  readonly waitMs: number;
  readonly leftAt: number;
}

function limit(response: ServerResponse, { whose, weather, waitMs, leftAt }: Limited): void {
  const name = `${whose.world}/${whose.night}`;
  const count = (counts: Map<string, number>): unknown => counts.set(name, (counts.get(name) ?? 0) + 1);
  if (weather.nth('told to wait') > 1) count(whileLimited);
  const before = told.get(name);
  const now = Date.now();
  const isWaiting = before !== undefined && now < before.until;
  if (isWaiting && leftAt - before.at >= minutesMs(1, settings.speed)) count(ignoredWaits);
  if (!isWaiting) response.once('finish', () => told.set(name, { at: Date.now(), until: now + waitMs }));
  refuse(response, 429, 'RESOURCE_EXHAUSTED', { 'retry-after-ms': String(Math.ceil(waitMs)) });
}

function refuse(
  response: ServerResponse,
  code: number,
  status: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  reply(response, code, { error: { code, status, message: `the service says ${status}` } }, headers);
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

function forward(request: IncomingMessage, rest: string, body: Buffer): Promise<Answer> {
  const {
    'transfer-encoding': _,
    host: _host,
    connection: _connection,
    [LEFT_AT]: _left,
    ...headers
  } = request.headers;
  const path = rest.startsWith('/gemini') ? rest : `/gemini${rest}`;
  const changed = body.length > 0 ? { 'content-length': String(body.length) } : {};
  return new Promise((resolve, reject) => {
    const outgoing = send(
      `${agents.url}${path}`,
      { agent: connections, method: request.method, headers: { ...headers, ...changed } },
      (answer) => {
        bodyOf(answer).then(
          (read) => resolve({ status: answer.statusCode ?? 500, headers: answer.headers, body: read }),
          reject,
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** A start's answer names the session: later calls are about the same job. */
function learn({ status, body }: Answer, job: number | undefined): void {
  if (status !== 200 || job === undefined || body[0] !== 123) return;
  const id = /"id":\s*"([^"]+)"/.exec(body.toString('utf8', 0, 300))?.[1];
  if (id !== undefined && !jobById.has(id)) jobById.set(id, job);
}

serveFake(handle, {
  morning: (whose) => weathers.of(whose).dawn(),
  counts: () =>
    ({
      ledger: agents.ledger(),
      whileLimited: Object.fromEntries(whileLimited),
      ignoredWaits: Object.fromEntries(ignoredWaits),
      struck: weathers.struck(),
    }) satisfies ServiceCounts,
});
