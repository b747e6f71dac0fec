/**
 * What the stand-ins for agent CLIs share. Each plays its CLI as documented; `FAKE_MODE` says what goes wrong, every
 * model call adds a line to `FAKE_CALLS`, and sessions are kept under HOME as the CLIs do.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const mode = process.env['FAKE_MODE'] ?? 'ok';
export const argv = process.argv.slice(2);
export const home = process.env['HOME'] ?? '';
export const stdin = () => readFileSync(0, 'utf8');

/** The value after an option; undefined where it is not given. */
export const option = (name) => {
  const at = argv.indexOf(name);
  return at < 0 ? undefined : argv[at + 1];
};

export const wrongUse = (why) => {
  process.stderr.write(`${why}\n`);
  process.exit(2);
};

/** Counted where it would be paid for. */
export const modelCall = (session) =>
  appendFileSync(process.env['FAKE_CALLS'] ?? '/dev/null', `${JSON.stringify({ session, argv })}\n`);

/** False where the session was there. */
export const makeSession = (path) => {
  if (existsSync(path)) return false;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '');
  return true;
};

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Behaviours that are the same for every CLI. */
export async function behave() {
  if (mode === 'slow') await sleep(700);
  while (mode === 'wait' && !existsSync(join(home, 'go'))) await sleep(10);
  if (mode === 'ignore-term') process.on('SIGTERM', () => undefined);
  if (mode === 'hang' || mode === 'ignore-term') await sleep(600_000);
  if (mode === 'login') {
    process.stderr.write(
      'Please visit https://accounts.example/o/oauth2/auth and enter the authorization code:\n',
    );
    await sleep(600_000);
  }
  if (mode === 'leftover') {
    const child = spawn('/bin/sh', ['-c', 'echo $$ > leftover.pid; exec sleep 300'], {
      detached: true,
      stdio: 'ignore',
    });
    child.unref();
    while (!existsSync('leftover.pid') || readFileSync('leftover.pid', 'utf8') === '') await sleep(10);
  }
}

export const article = (prompt) =>
  mode === 'huge' ? `# Huge\n${'x'.repeat(5_000_000)}\nend` : `# Article\n\n${prompt}`;

/** Written whole before the process ends. */
export const finish = (stdout, stderr, rc) =>
  process.stderr.write(stderr, () => process.stdout.write(stdout, () => process.exit(rc)));
