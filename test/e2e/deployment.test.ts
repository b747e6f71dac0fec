// The place to run every night: what docker-compose.yml says, and the same topology as processes: a Temporal server,
// PostgreSQL prepared by our scripts, and workers that are replaced while a batch runs.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import { slugsOf, tempDir, writeBatch, type TestBatch } from '../support/batch.js';
import { CLI, cli, startCli, until, type RunningCli } from '../support/cli.js';
import { hasPostgres, startPostgres, type PostgresServer } from '../support/servers/postgres.js';
import { startTemporal, type TemporalServer } from '../support/servers/temporal.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Lines to type below a heading of the page, a list for each block. */
function linesBelow(page: string, heading: string): string[][] {
  const [, section = ''] = read(page).split(`\n## ${heading}\n`);
  const [own = ''] = section.split('\n## ');
  return own
    .trimEnd()
    .split('\n\n')
    .filter((block) => block.startsWith('    '))
    .map((block) => block.split('\n').map((line) => line.trim()));
}

interface Service {
  readonly image: string;
  readonly volumes?: readonly string[];
  readonly build?: string;
  readonly restart: string;
  readonly ports?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly healthcheck?: object;
  readonly logging?: { readonly options: Record<string, string> };
  readonly mem_limit?: string;
  readonly security_opt?: readonly string[];
}

describe('docker-compose.yml', () => {
  const { services, volumes } = parse(read('docker-compose.yml')) as {
    services: Record<string, Service>;
    volumes: Record<string, object>;
  };

  test('meets the schema of the Compose Specification and names nothing twice', () => {
    // An image of our own is built and named; order and quotes are for readers.
    const off = ['no-build-and-image', 'services-alphabetical-order', 'service-keys-order'];
    off.push('require-quotes-in-ports');
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(root, 'node_modules/.bin/dclint'), ...off.flatMap((rule) => ['--disable-rule', rule])].concat([
        '--max-warnings',
        '0',
        '--formatter',
        'json',
        'docker-compose.yml',
      ]),
      { cwd: root, encoding: 'utf8' },
    );
    expect(status, stdout).toBe(0);
  });

  test('pins every image, and none that is no longer made', () => {
    for (const { image } of Object.values(services)) {
      expect(image).toMatch(/^[a-z/-]+:\d+\.\d+[\w.-]*$/);
      expect(image).not.toContain('auto-setup');
    }
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(services.worker?.image).toBe(`nightshift:${version}`);
    expect(services.schema?.image.split(':')[1]).toBe(services.temporal?.image.split(':')[1]);
    for (const [, from] of read('Dockerfile').matchAll(/^FROM (\S+)/gm)) {
      expect(from).toMatch(/^node:\d+\.\d+\.\d+-bookworm(-slim)?$/);
    }
    expect(read('Dockerfile')).toMatch(/^USER node$/m);
  });

  test('opens ports on loopback only, and has no password that everybody knows', () => {
    for (const { ports = [], environment } of Object.values(services)) {
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
      for (const [name, value] of Object.entries(environment)) {
        if (/PASSWORD|PWD/.test(name)) expect(value).toMatch(/^\$\{\w+:\?/);
      }
    }
  });

  test('no log fills the disk, none gets more rights, and none but the worker more memory than it should', () => {
    for (const [name, { logging, mem_limit, security_opt }] of Object.entries(services)) {
      expect(Object.keys(logging?.options ?? {}), name).toEqual(['max-size', 'max-file']);
      expect(security_opt, name).toContain('no-new-privileges:true');
      expect(mem_limit !== undefined, name).toBe(name !== 'worker');
    }
  });

  test('keeps the databases and the state of the worker in volumes of their own, which outlive containers', () => {
    expect(services.postgres?.volumes).toContain('postgres:/var/lib/postgresql/data');
    expect(services.worker?.volumes).toContain('state:/state');
    expect(volumes).toEqual({ postgres: {}, state: {} });
    expect(read('Dockerfile')).toMatch(/^ENV .*\bNIGHTSHIFT_STATE=\/state\b/m);
  });

  test('watches the health of whatever keeps running', () => {
    for (const [name, { restart, healthcheck }] of Object.entries(services)) {
      if (restart === 'unless-stopped') expect(healthcheck, name).toBeDefined();
    }
  });

  test('makes the search attributes that batches are started with', () => {
    const made = [...read('deploy/temporal-namespace.sh').matchAll(/--name (\w+) --type Keyword/g)];
    expect(made.map(([, name]) => name)).toEqual(SEARCH_ATTRIBUTES);
  });
});

test('deploy/up draws passwords once, readable by nobody else', () => {
  const dir = tempDir('nightshift-up-');
  cpSync(join(root, 'deploy'), join(dir, 'deploy'), { recursive: true });
  mkdirSync(join(dir, 'bin'));
  writeFileSync(join(dir, 'bin/docker'), '#!/bin/sh\necho "$@" >>docker.log\n');
  chmodSync(join(dir, 'bin/docker'), 0o755);
  const up = (): string =>
    execFileSync(join(dir, 'deploy/up'), {
      env: { PATH: `${dir}/bin:${process.env.PATH}` },
      encoding: 'utf8',
    });

  expect(up()).toContain('drew passwords');
  const first = readFileSync(join(dir, '.env'), 'utf8');
  expect(first).toMatch(/^POSTGRES_PASSWORD=[0-9a-f]{48}$/m);
  expect(new Set(first.match(/[0-9a-f]{48}/g))).toHaveProperty('size', 3);
  expect(statSync(join(dir, '.env')).mode & 0o777).toBe(0o600);

  expect(up()).not.toContain('drew passwords');
  expect(readFileSync(join(dir, '.env'), 'utf8')).toBe(first);
  expect(readFileSync(join(dir, 'docker.log'), 'utf8')).toContain('compose up --detach --build --wait');
});

describe('the clock of the worker', () => {
  const { services } = parse(read('docker-compose.yml')) as { services: Record<string, Service> };
  /** What is in .env after `deploy/up`, and with which TZ Compose was called. */
  function up({ env, tz }: { readonly env?: string; readonly tz?: string }) {
    const dir = tempDir('nightshift-zone-');
    cpSync(join(root, 'deploy'), join(dir, 'deploy'), { recursive: true });
    mkdirSync(join(dir, 'bin'));
    writeFileSync(join(dir, 'bin/docker'), '#!/bin/sh\necho "${TZ-none}" >tz\n', { mode: 0o755 });
    if (env !== undefined) writeFileSync(join(dir, '.env'), env);
    execFileSync(join(dir, 'deploy/up'), {
      env: { PATH: `${dir}/bin:${process.env.PATH}`, ...(tz !== undefined && { TZ: tz }) },
    });
    const kept = readFileSync(join(dir, '.env'), 'utf8');
    return {
      lines: kept.trimEnd().split('\n'),
      zone: /^TZ=(.*)$/m.exec(kept)?.[1],
      tz: readFileSync(join(dir, 'tz'), 'utf8'),
    };
  }

  test('is that of the host, written down once', () => {
    expect(services.worker?.environment.TZ).toBe('${TZ:-UTC}');
    expect(up({ tz: 'Europe/Madrid' })).toMatchObject({ zone: 'Europe/Madrid', tz: 'none\n' });
    expect(up({ env: 'A=1\nTZ=Asia/Tokyo\n', tz: 'Europe/Madrid' }).lines).toEqual(['A=1', 'TZ=Asia/Tokyo']);
    expect(up({ env: 'A=1', tz: 'Europe/Madrid' }).lines, 'one of before').toEqual([
      'A=1',
      'TZ=Europe/Madrid',
    ]);
  });

  test('is a name, also where TZ is the name of a file or none', () => {
    const { zone = '' } = up({});
    expect(up({ tz: ':/etc/localtime' }).zone).toBe(zone);
    expect(() => new Intl.DateTimeFormat('en-GB', { timeZone: zone })).not.toThrow();
  });
});

test.runIf(process.platform === 'linux')('deploy/up makes batches for the worker, or says how to', () => {
  const dir = tempDir('nightshift-up-');
  cpSync(join(root, 'deploy'), join(dir, 'deploy'), { recursive: true });
  mkdirSync(join(dir, 'bin'));
  writeFileSync(join(dir, 'bin/docker'), '#!/bin/sh\n');
  chmodSync(join(dir, 'bin/docker'), 0o755);
  const up = (): string =>
    execFileSync(join(dir, 'deploy/up'), {
      env: { PATH: `${dir}/bin:${process.env.PATH}` },
      encoding: 'utf8',
    });
  const said = up();
  const { uid } = statSync(join(dir, 'batches'));
  const me = process.getuid?.();
  expect(uid).toBe(me === 0 ? 1000 : me);
  if (uid === 1000) expect(said).not.toContain('chown');
  else expect(said).toContain('sudo chown -R 1000:');
  if (me !== 0) return;
  chownSync(join(dir, 'batches'), 1234, 1234); // made by somebody, before
  expect(up()).toContain("belongs to user 1234, and the worker, user 1000, can't write there");
});

describe.runIf(hasPostgres())('the same as processes', () => {
  const dir = tempDir('nightshift-deployment-');
  const passwords = { TEMPORAL_DB_PASSWORD: "temporal's", NIGHTSHIFT_DB_PASSWORD: "night's" };
  const workers: RunningCli[] = [];
  let postgres: PostgresServer;
  let temporal: TemporalServer;

  beforeAll(async () => {
    postgres = await startPostgres();
    const { username, password } = new URL(postgres.url);
    const initialised = spawnSync('bash', [join(root, 'deploy/postgres-init.sh')], {
      env: {
        ...passwords,
        PATH: process.env.PATH,
        POSTGRES_USER: username,
        PGHOST: '127.0.0.1',
        PGPORT: `${postgres.port}`,
        PGPASSWORD: decodeURIComponent(password),
      },
      encoding: 'utf8',
    });
    expect(initialised.status, initialised.stderr).toBe(0);
    mkdirSync(join(dir, 'temporal'));
    temporal = await startTemporal({
      dir: join(dir, 'temporal'),
      postgresPort: postgres.port,
      password: passwords.TEMPORAL_DB_PASSWORD,
    });
  }, 180_000);
  afterAll(async () => {
    for (const worker of workers) worker.process.kill('SIGKILL');
    await temporal?.stop();
    await postgres?.stop();
  });

  const optionsOf = ({ dir: cwd, state }: TestBatch) => ({
    cwd,
    env: {
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_NAMESPACE: temporal.namespace,
      NIGHTSHIFT_LEDGER: `postgres://nightshift@127.0.0.1:${postgres.port}/nightshift`,
      PGPASSWORD: passwords.NIGHTSHIFT_DB_PASSWORD,
      NIGHTSHIFT_STATE: state,
    },
  });

  test(
    'a worker replaced in mid-batch: every job once, every effect once',
    { timeout: 180_000 },
    async () => {
      const batch = writeBatch({ dir: join(dir, 'batches'), slugs: slugsOf(12), seconds: 2, concurrency: 3 });
      const options = optionsOf(batch);
      const worker = (): RunningCli => {
        const started = startCli(['worker'], options);
        workers.push(started);
        return started;
      };
      const check = async (): Promise<number | null> => (await cli(['worker', '--check'], options)).code;

      expect(await check(), 'nobody polls yet').toBe(69);
      const first = worker();
      const begun = await cli(['run', batch.file, '--detach'], options);
      expect(begun.code, begun.stderr).toBe(0);
      await until('the batch is under way', () => batch.published().length >= 2);
      expect(await check()).toBe(0);

      // As a new image does: the old worker ends what it has in hand while the new one takes the rest.
      first.process.kill('SIGTERM');
      worker();
      expect((await first.exit).code).toBe(0);
      const end = await cli(['watch', '--json'], options);
      expect(end.code, end.stderr).toBe(0);

      expect(batch.published()).toHaveLength(12);
      expect(batch.sessions()).toHaveLength(12);
      const doctor = await cli(['doctor', '--json'], options);
      expect(doctor.stdout).toContain('namespace nightshift');
      expect(doctor.stdout).not.toContain('lacks Nightshift');
    },
  );

  test(
    'the ledger, the artifacts and the key, put back as the page says: nothing lands twice, nothing is paid for twice',
    { timeout: 300_000 },
    async () => {
      for (const worker of workers) worker.process.kill('SIGTERM');
      await Promise.all(workers.map(({ exit }) => exit));
      const night = { dir: join(dir, 'kept'), name: 'kept', work: 'kept' };
      const batch = writeBatch({ ...night, slugs: slugsOf(2) });
      const options = optionsOf(batch);
      const runToEnd = async () => {
        const end = await cli(['run', batch.file], options);
        expect(end.code, end.stderr).toBe(0);
      };
      const type = containersAsProcesses(batch.dir, {
        postgres,
        passwords,
        env: options.env,
        file: batch.file,
      });
      const typeAll = (lines: readonly string[]): string[] =>
        lines.map((line) => {
          const { status, stdout, stderr } = type(line);
          expect(status, `${line}\n${stderr}`).toBe(0);
          return stdout;
        });
      const [save = [], putBack = [], drill = []] = linesBelow('docs/guides/deployment.md', 'Backup');
      await runToEnd();
      typeAll(save);

      writeBatch({ ...night, slugs: slugsOf(4) });
      await runToEnd();
      expect(typeAll(drill)[2]).toContain(
        'kept: 4 effects landed by now: 2 in the backup, 2 found at the destination, none sent a second time',
      );

      const key = () => readFileSync(join(batch.state, 'keys/receipts.key'), 'utf8');
      const before = key();
      rmSync(join(batch.state, 'keys'), { recursive: true });
      rmSync(join(batch.state, 'artifacts'), { recursive: true });
      typeAll(putBack);
      expect(key()).toBe(before);
      await runToEnd();
      expect(batch.published()).toHaveLength(4);
      expect(batch.sessions()).toHaveLength(4);
      const shown = await cli(['ledger', 'show', 'kept', '--json'], options);
      expect((JSON.parse(shown.stdout) as { receipts: unknown[] }).receipts).toHaveLength(4);
    },
  );
});

/**
 * Types lines of the page in a folder. `docker compose` is one that does in this host's processes what it would do in
 * the containers; services are started and stopped by the test.
 */
function containersAsProcesses(
  folder: string,
  about: {
    readonly postgres: PostgresServer;
    readonly passwords: { readonly NIGHTSHIFT_DB_PASSWORD: string };
    readonly env: Readonly<Record<string, string>>;
    readonly file: string;
  },
) {
  const { postgres, passwords, env, file } = about;
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const program = (name: string, text: string): void => {
    writeFileSync(join(bin, name), `#!/bin/bash\nset -eu\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  program('nightshift', `exec '${process.execPath}' '${CLI}' "$@"`);
  program(
    'docker',
    `[ "$1" = compose ]; verb=$2; shift 2
case $verb in stop|start) exit 0;; exec|run) ;; *) exit 64;; esac
entry=()
while [[ $1 == -* ]]; do
  if [ "$1" = --entrypoint ]; then entry=("$2"); shift; fi
  shift
done
service=$1; shift
words=()
for word in "\${entry[@]}" "$@"; do
  case $word in
    /state*) word=$NIGHTSHIFT_STATE\${word#/state};;
    /batches/*) word='${file}';;
  esac
  words+=("\${word/@postgres/@127.0.0.1:${postgres.port}}")
done
if [ "$service" = postgres ]; then unset PGPASSWORD; fi
exec "\${words[@]}"`,
  );
  const { password } = new URL(postgres.url);
  const known = { postgres: decodeURIComponent(password), nightshift: passwords.NIGHTSHIFT_DB_PASSWORD };
  writeFileSync(
    join(folder, 'pgpass'),
    Object.entries(known)
      .map(([user, word]) => `*:*:*:${user}:${word.replace(/[\\:]/g, '\\$&')}\n`)
      .join(''),
    { mode: 0o600 },
  );
  const all = {
    ...process.env,
    ...env,
    PATH: [bin, postgres.bin, process.env.PATH].join(':'),
    PGHOST: '127.0.0.1',
    PGPORT: String(postgres.port),
    PGPASSFILE: join(folder, 'pgpass'),
  };
  return (line: string) => spawnSync('bash', ['-c', line], { cwd: folder, env: all, encoding: 'utf8' });
}
