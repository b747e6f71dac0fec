import { AsyncLocalStorage } from 'node:async_hooks';
import http from 'node:http';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';

/**
 * A rehearsal looks and does nothing else. What runs inside `rehearsing` can't send a request that may change
 * something: not by a verb of a publisher, and not by HTTP, whosever code it is.
 *
 *  N1. A refused try is kept, so that code which swallows the error fails the rehearsal all the same.
 *  N2. The rest of the process is not touched: two things may go on in it at once.
 *
 * Not seen: sockets that are opened by hand, programs that are started, files that are written.
 */
export interface Rehearsed<T> {
  /** What `act` gave; absent where it threw. */
  readonly value?: T;
  readonly error?: unknown;
  /** What was tried and refused. Not empty: the rehearsal has failed. */
  readonly refused: readonly string[];
}

/** Thrown at whoever tries to change something in a rehearsal. */
export class RehearsalWrite extends Error {
  override readonly name = 'RehearsalWrite';
}

const rehearsals = new AsyncLocalStorage<{ readonly refused: string[] }>();

export async function rehearsing<T>(act: () => Promise<T>): Promise<Rehearsed<T>> {
  guardHttp();
  const refused: string[] = [];
  try {
    return { value: await rehearsals.run({ refused }, act), refused };
  } catch (error) {
    return { error, refused };
  }
}

/** @throws RehearsalWrite in a rehearsal */
export function refuseInRehearsal(what: string): void {
  const rehearsal = rehearsals.getStore();
  if (!rehearsal) return;
  rehearsal.refused.push(what);
  throw new RehearsalWrite(`${what} was refused: this is a rehearsal, which only looks`);
}

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** @throws RehearsalWrite in a rehearsal, for a method that may change something */
export function refuseWritingMethod(method: string, place: string): void {
  if (!READING.has(method.toUpperCase())) refuseInRehearsal(`${method.toUpperCase()} ${place}`);
}

let guarded = false;

/** Once in a process. Outside a rehearsal all of it does what it did. */
function guardHttp(): void {
  if (guarded) return;
  guarded = true;
  const { fetch } = globalThis;
  globalThis.fetch = async (input, init) => {
    const request = typeof input === 'object' && 'url' in input ? input : undefined;
    const url = request?.url ?? (input instanceof URL ? input.href : (input as string));
    refuseWritingMethod(init?.method ?? request?.method ?? 'GET', placeOf(url));
    return fetch(input, init);
  };
  for (const module of [http, https]) {
    const { request } = module;
    module.request = (...given: unknown[]) => {
      const [method, place] = wishOf(given);
      refuseWritingMethod(method, place);
      return request.apply(module, given as Parameters<typeof request>);
    };
  }
  syncBuiltinESMExports();
}

/** `request` takes an URL, options, or both. */
function wishOf(given: readonly unknown[]): readonly [method: string, place: string] {
  const [first] = given;
  const options = given.find((value): value is http.RequestOptions => isOptions(value)) ?? {};
  const url = typeof first === 'string' ? first : first instanceof URL ? first.href : undefined;
  const host = options.hostname ?? options.host ?? 'localhost';
  return [options.method ?? 'GET', placeOf(url ?? `http://${host}${options.path ?? '/'}`)];
}

const isOptions = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !(value instanceof URL);

/** Queries hold keys too often. */
function placeOf(url: string): string {
  if (!URL.canParse(url)) return 'an URL that can’t be read';
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}
