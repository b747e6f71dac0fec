import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { control } from './control.js';
import {
  callOf,
  placeOf,
  readRequest,
  type FakeAnswer,
  type FakeRequest,
  type Plan,
  type Surface,
} from './exchange.js';
import { chooseFault, faultAnswer, type Fault } from './faults.js';
import { httpSurface } from './http-surface.js';
import { resendSurface } from './resend-surface.js';
import { RequestLog } from './request-log.js';
import type { Store } from './store.js';
import { stripeSurface } from './stripe-surface.js';

/**
 * The services behind one port. A request goes through: log, fault, key look-up, in flight, execution and memory in
 * one transaction, reply. What is replied is on disk before.
 */
export function fakeServer(store: Store, closing: AbortSignal): Server {
  const surfaces: readonly Surface[] = [stripeSurface(store), resendSurface(store), httpSurface(store)];
  const log = new RequestLog(store);
  const inFlight = new Set<string>();
  return createServer((message, response) => {
    void serve(message, response).catch((error: unknown) => {
      if (closing.aborted) return;
      process.stderr.write(`fake destinations: ${error instanceof Error ? error.stack : String(error)}\n`);
      response.destroy();
    });
  });

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(message);
    if (request.path.startsWith('/_/')) {
      return send(response, control({ store, log, surfaces, request, isLocal: isLoopback(message.socket) }));
    }
    const surface = surfaces.find((one) => one.owns(request.path));
    if (!surface) return send(response, { status: 404, body: { error: `no service has ${request.path}` } });
    await new Exchange({ store, log, inFlight, closing }, surface, request, response).run();
  }
}

const isLoopback = ({ remoteAddress = '' }: Socket): boolean => /^(::1|(::ffff:)?127\.)/.test(remoteAddress);

interface Shared {
  readonly store: Store;
  readonly log: RequestLog;
  /** Keys whose first request is being carried out; a kill ends them. */
  readonly inFlight: Set<string>;
  readonly closing: AbortSignal;
}

class Exchange {
  constructor(
    private readonly shared: Shared,
    private readonly surface: Surface,
    private readonly request: FakeRequest,
    private readonly response: ServerResponse,
  ) {}

  async run(): Promise<void> {
    const { surface, request, response } = this;
    const { store, log } = this.shared;
    const { fault, n } = store.atomically(() => {
      const chosen = chooseFault(store, log, surface.name, request);
      return { fault: chosen, n: this.arrived(chosen) };
    });
    if (fault?.do === 'drop-before') return void response.destroy();
    const said = fault && faultAnswer(fault, surface, store.nowMs());
    if (said) {
      log.answered(n, said.status, 'fault');
      return send(response, said);
    }
    if (fault?.do === 'duplicate-request') await this.carryOut(undefined, n);
    const answer = await this.carryOut(fault, n);
    await this.reply(answer, fault);
  }

  private arrived(fault: Fault | undefined): number {
    const { request, surface } = this;
    const { authorization: _, ...headers } = request.headers;
    return this.shared.log.add({
      surface: surface.name,
      method: request.method,
      path: placeOf(request),
      call: callOf(request),
      effectKey: request.effectKey,
      headers,
      body: request.body,
      fault: fault?.do,
    });
  }

  private async carryOut(fault: Fault | undefined, n: number): Promise<FakeAnswer> {
    const { surface, request } = this;
    const { store, log, inFlight, closing } = this.shared;
    const plan = surface.plan(request, (key) => inFlight.has(`${surface.name}:${key}`));
    if (plan.kind === 'answer') {
      log.answered(n, plan.answer.status, plan.outcome);
      return plan.answer;
    }
    const claim = plan.inFlight === undefined ? undefined : `${surface.name}:${plan.inFlight}`;
    if (claim !== undefined) inFlight.add(claim);
    try {
      if (fault?.do === 'delay') await sleep(fault.ms, undefined, { signal: closing });
      return store.atomically(() => this.execute(plan, fault, n));
    } finally {
      if (claim !== undefined) inFlight.delete(claim);
    }
  }

  private execute(plan: Extract<Plan, { kind: 'execute' }>, fault: Fault | undefined, n: number): FakeAnswer {
    const { surface } = this;
    const { log } = this.shared;
    if (fault?.do === 'ok-not-stored') {
      log.answered(n, 200, 'not stored');
      return { status: 200, body: { id: 'obj_ghost' } };
    }
    const done = fault?.do === '500-before-commit' ? surface.failure(500) : plan.execute();
    const told =
      fault?.do === '500-after-commit'
        ? surface.failure(500)
        : fault?.do === 'error-but-stored'
          ? { status: 422, body: { error: 'fault: it was stored all the same' } }
          : done;
    plan.remember?.(done, told);
    log.answered(n, told.status, done.status < 300 ? 'committed' : 'not committed');
    return told;
  }

  private async reply(answer: FakeAnswer, fault: Fault | undefined): Promise<void> {
    const { response } = this;
    if (fault?.do === 'delay-answer') await sleep(fault.ms, undefined, { signal: this.shared.closing });
    if (fault?.do === 'drop-after-commit') return void response.destroy();
    if (fault?.do !== 'half-body') return send(response, answer);
    const text = JSON.stringify(answer.body);
    response.writeHead(answer.status, { ...headersOf(answer), 'content-length': Buffer.byteLength(text) });
    response.write(text.slice(0, Math.floor(text.length / 2)), () => response.destroy());
  }
}

const headersOf = ({ headers }: FakeAnswer): Record<string, string> => ({
  'content-type': 'application/json',
  ...headers,
});

function send(response: ServerResponse, answer: FakeAnswer): void {
  const { status, body } = answer;
  response.writeHead(status, headersOf(answer));
  response.end(body === null ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
}
