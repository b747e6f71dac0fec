import { createServer } from 'node:net';
import { type EngineFiles, readJsonObject, writeJson } from './engine-files.js';

export interface Ports {
  readonly frontend: number;
  readonly webUi: number;
}

/**
 * Below the ranges systems take client ports from (Linux 32768, macOS 49152): while the server is down for a
 * moment, no outgoing connection can get its port.
 */
const LOWEST = 17_000;
const HIGHEST = 31_999;
const TRIES = 100;

/**
 * Two free ports on 127.0.0.1: those of the last start where they are still free, so that clients and bookmarks
 * stay valid, else random ones.
 */
export async function choosePorts(files: EngineFiles): Promise<Ports> {
  const last = readJsonObject(files.ports);
  const frontend = await freePort(last?.['frontend']);
  const webUi = await freePort(last?.['webUi'], frontend);
  const ports = { frontend, webUi };
  writeJson(files.ports, ports);
  return ports;
}

async function freePort(preferred: unknown, taken?: number): Promise<number> {
  if (isPort(preferred) && preferred !== taken && (await isFree(preferred))) return preferred;
  for (let tries = 0; tries < TRIES; tries++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1));
    if (port !== taken && (await isFree(port))) return port;
  }
  throw new Error(`no free port on 127.0.0.1 in ${TRIES} tries between ${LOWEST} and ${HIGHEST}`);
}

const isPort = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
