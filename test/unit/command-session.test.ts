/** The provider `command` with real processes: what a program gets, and what becomes of what it leaves. */
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command } from '../../src/activities/providers/command/provider.js';
import { aFolder, bench, collected, ended, lives, RUN_KEY, runToEnd, sh, until } from './command-fixture.js';

test('a program reads its job on stdin and its stdout is the artifact', async () => {
  const night = await bench({ command: ['cat'] }, { prompt: 'Write it.' });
  expect(await runToEnd(night)).toEqual({ kind: 'succeeded' });
  expect(JSON.parse((await collected(night)).toString())).toEqual({
    v: 1,
    work: 'article',
    key: 'fedcba9876543210fedcba9876543210',
    identity: { site: 'a', slug: 'b' },
    input: { title: 'T' },
    revision: 1,
    attempt: 1,
    prompt: 'Write it.',
  });
});

test('a program works in the folder of its batch file, or in the one that the batch file names', async () => {
  const baseDir = aFolder();
  mkdirSync(join(baseDir, 'site'));
  const there = await bench({ command: ['pwd', '-P'] }, { baseDir });
  await runToEnd(there);
  expect((await collected(there)).toString().trim()).toBe(baseDir);
  const within = await bench({ command: ['pwd', '-P'], cwd: 'site' }, { baseDir });
  await runToEnd(within);
  expect((await collected(within)).toString().trim()).toBe(join(baseDir, 'site'));
});

test('arguments reach the program as they are written; no shell reads them', async () => {
  const words = ['$HOME', '`id`', '; echo x', '*', 'two  words', "it's", '-n', '\\', 'é\n'];
  const night = await bench({
    command: [process.execPath, '-e', 'console.log(JSON.stringify(process.argv.slice(1)))', '--', ...words],
  });
  await runToEnd(night);
  expect(JSON.parse((await collected(night)).toString())).toEqual(words);
});

test('a name that is also a command of the shell means the program', async () => {
  const night = await bench({ command: ['eval', 'echo hi'] });
  await expect(night.provider.start(night.request, undefined, night.context)).rejects.toMatchObject({
    errorClass: 'config',
    message: expect.stringContaining('"eval" is not on PATH') as string,
  });
});

test('the environment of a program is PATH, HOME, what was declared and NIGHTSHIFT_*, and nothing else', async () => {
  process.env['WORKER_ONLY'] = 'must not be seen';
  const night = await bench(
    {
      command: [process.execPath, '-e', 'console.log(JSON.stringify(process.env))'],
      env: { STYLE: 'plain', run: 'x', TOKEN: 'Bearer ${env:API}' },
    },
    {},
    { env: { API: 's3cret-value' } },
  );
  await runToEnd(night);
  delete process.env['WORKER_ONLY'];
  const { PATH, HOME } = process.env;
  expect(JSON.parse((await collected(night)).toString())).toEqual({
    PATH,
    HOME,
    STYLE: 'plain',
    run: 'x',
    TOKEN: 'Bearer s3cret-value',
    NIGHTSHIFT_JOB_KEY: night.request.jobKey,
    NIGHTSHIFT_ATTEMPT: '1',
    NIGHTSHIFT_RUN_DIR: night.fileOf('.').replace(/\/\.$/, ''),
    NIGHTSHIFT_OUT_DIR: night.fileOf('out'),
    NIGHTSHIFT_RESULT_FILE: night.fileOf('result.json'),
    NIGHTSHIFT_DEADLINE: night.request.deadlineAt,
  });
});

test('a program is told that it is rehearsed', async () => {
  const night = await bench({ command: sh('printf %s "$NIGHTSHIFT_REHEARSAL"') }, { rehearsal: true });
  await runToEnd(night);
  expect((await collected(night)).toString()).toBe('1');
});

test('a secret is in no file of the run directory and in no message, even when the program prints it', async () => {
  const night = await bench(
    { command: sh('echo "key is $TOKEN" >&2; exit 3'), env: { TOKEN: '${env:API}' } },
    {},
    { env: { API: 's3cret-value' } },
  );
  const end = await runToEnd(night);
  expect(end).toMatchObject({ kind: 'failed', message: expect.stringContaining('key is ***') as string });
  for (const name of readdirSync(night.fileOf('.'))) {
    if (name === 'stderr' || statSync(night.fileOf(name)).isDirectory()) continue;
    expect(night.read(name), name).not.toContain('s3cret-value');
  }
  expect(night.read('spec.json')).toContain('"TOKEN"');
});

test('a secret that is not set stops the session before anything runs, and is named', async () => {
  const night = await bench({ command: ['cat'], env: { TOKEN: '${env:API}' } });
  await expect(night.provider.start(night.request, undefined, night.context)).rejects.toMatchObject({
    errorClass: 'config',
    message: expect.stringContaining('API') as string,
  });
  expect(await night.provider.find(night.request, undefined, night.context)).toEqual({ kind: 'none' });
});

test.each([
  [{ command: ['no-such-program'] }, 'the program "no-such-program" is not on PATH'],
  [{ command: ['./missing.sh'] }, 'missing.sh does not exist'],
  [{ command: ['./plain.txt'] }, 'may not be run'],
  [{ command: ['node', 'writer.mjs', 'x'] }, 'writer.mjs, which node is to run, does not exist'],
  [{ command: ['/bin/sh', 'bin/writer.sh'] }, 'bin/writer.sh, which /bin/sh is to run, does not exist'],
  [{ command: ['cat'], cwd: 'nowhere' }, 'the working directory'],
])('%j is refused before a session is made', async (options, message) => {
  const night = await bench(options);
  writeFileSync(join(night.stateDir, 'plain.txt'), 'x');
  await expect(night.provider.start(night.request, undefined, night.context)).rejects.toMatchObject({
    errorClass: 'config',
    facts: { sent: 'no' },
    message: expect.stringContaining(message) as string,
  });
});

test('a project that was moved is said to be, and not that its working directory is missing', async () => {
  const night = await bench({ command: ['cat'] });
  const request = { ...night.request, baseDir: '/nowhere/blog' };
  await expect(night.provider.start(request, undefined, night.context)).rejects.toMatchObject({
    errorClass: 'config',
    facts: { sent: 'no' },
    message:
      'the working directory of the agent starts at the folder of the batch file, which is not there [folder=/nowhere/blog]; was it moved? Start the batch from its file where that is now, or move it back',
  });
});

test.each([
  [{}, 'command'],
  [{ command: [] }, 'command'],
  [{ command: ['-c', 'x'] }, 'begins with "-"'],
  [{ command: ['x', '${env:TOKEN}'] }, 'hand it over through env'],
  [{ command: ['x'], env: { NIGHTSHIFT_RUN_DIR: '/' } }, 'belongs to nightshift'],
  [{ command: ['x'], env: { 'A B': '1' } }, ''],
  [{ command: ['x'], shell: true }, 'shell'],
])('options %j are refused', (options, message) => {
  const parsed = command.options.safeParse(options);
  expect(parsed.success).toBe(false);
  expect(JSON.stringify(parsed.error?.issues)).toContain(message.replaceAll('"', '\\"'));
});

test.each([
  [1, 'rejected', 'failed'],
  [64, 'invalid', 'wrong way'],
  [65, 'invalid', 'input'],
  [69, 'transient', 'unavailable'],
  [75, 'transient', 'later'],
  [77, 'auth', 'permission'],
  [78, 'config', 'configured'],
  [124, 'timeout', 'time limit'],
  [126, 'config', 'may not be run'],
  [127, 'config', '/bin/sh was not found'],
  [137, 'transient', 'SIGKILL; was memory short?'],
  [139, 'transient', 'SIGSEGV'],
  [143, 'transient', 'SIGTERM'],
  [255, 'rejected', 'failed'],
])('exit code %i is of class %s', async (rc, errorClass, message) => {
  const night = await bench({ command: sh(`echo out; echo "why not" >&2; exit ${rc}`) });
  const end = await runToEnd(night);
  expect(end).toMatchObject({ kind: 'failed', errorClass });
  expect('message' in end && end.message).toContain(message);
  expect('message' in end && end.message).toMatch(/exit code \d+\): why not$/);
});

test('a program that a signal ends is told from one that fails', async () => {
  const night = await bench({ command: sh('kill -SEGV $$') });
  expect(await runToEnd(night)).toMatchObject({ errorClass: 'transient' });
});

test.each([
  ['nothing at all', 'true', 'printed nothing'],
  ['words on stderr only', 'echo "quota used up" >&2', 'quota used up'],
  [
    'an empty result file beside a full stdout',
    'echo log; : > "$NIGHTSHIFT_RESULT_FILE"',
    'empty result file',
  ],
])('exit code 0 with %s is no success', async (_, script, message) => {
  const night = await bench({ command: sh(script) });
  expect(await runToEnd(night)).toMatchObject({
    kind: 'failed',
    errorClass: 'rejected',
    message: expect.stringContaining(message) as string,
  });
});

test('what a program writes to stderr can’t reach the terminal of who reads the message', async () => {
  const hostile = String.raw`\033[2J\033]0;owned\007\033]8;;http://x\033\\link\033]8;;\033\\ \033[31mred\033[0m \007\010\0\r50%%\r99%% \342\200\256gnp \033Pq\033\\ \302\23331m end\n`;
  const night = await bench({ command: sh(`printf '${hostile}' >&2; exit 1`) });
  const end = await runToEnd(night);
  const message = 'message' in end ? end.message : '';
  expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(message).toContain('red');
  expect(message).toContain('end');
});

test('a long complaint is cut, and its end is what is shown', async () => {
  const night = await bench({
    command: sh(
      `i=0; while [ $i -lt 400 ]; do echo "line $i of a long complaint" >&2; i=$((i+1)); done; exit 1`,
    ),
  });
  const end = await runToEnd(night);
  const message = 'message' in end ? end.message : '';
  expect(message.length).toBeLessThan(600);
  expect(message).toMatch(/line 399 of a long complaint$/);
});

test('frames of a stack do not hide the error', async () => {
  const night = await bench({ command: [process.execPath, '-e', 'throw new Error("the key has expired")'] });
  const end = await runToEnd(night);
  expect('message' in end && end.message).toContain('the key has expired');
});

test('five megabytes of stdout arrive whole', async () => {
  const night = await bench({
    command: [process.execPath, '-e', 'process.stdout.write("x".repeat(5_000_000) + "end")'],
  });
  expect(await runToEnd(night)).toEqual({ kind: 'succeeded' });
  const bytes = await collected(night);
  expect(bytes.length).toBe(5_000_003);
  expect(bytes.subarray(-3).toString()).toBe('end');
});

test('more than an artifact may have is rejected', async () => {
  const night = await bench({ command: sh('head -c 70000000 /dev/zero') });
  expect(await runToEnd(night)).toMatchObject({ kind: 'failed', errorClass: 'rejected' });
});

const document = (fields: object) =>
  sh(`cat > /dev/null; echo log; mkdir -p "$NIGHTSHIFT_OUT_DIR/deep"; printf file > "$NIGHTSHIFT_OUT_DIR/deep/a.md"
ln -s /etc/hostname "$NIGHTSHIFT_OUT_DIR/link.md"; ln -s deep "$NIGHTSHIFT_OUT_DIR/linked"
cat > "$NIGHTSHIFT_RESULT_FILE" <<'JSON'
${JSON.stringify({ v: 1, ...fields })}
JSON`);

test.each([
  ['its text', { status: 'ok', text: 'words' }, 'words'],
  ['its file', { status: 'ok', files: [{ path: 'out/deep/a.md', bytes: 4 }] }, 'file'],
  ['the first of its files', { status: 'ok', files: [{ path: 'out/deep/a.md' }, { path: 'out/b' }] }, 'file'],
  ['stdout when it names neither', { status: 'ok', sessionId: 'abc' }, 'log\n'],
])('the artifact of a result document is %s', async (_, fields, artifact) => {
  const night = await bench({ command: document(fields) });
  expect(await runToEnd(night)).toEqual({ kind: 'succeeded' });
  expect((await collected(night)).toString()).toBe(artifact);
});

test.each([
  ['a link', [{ path: 'out/link.md' }], 'is a link'],
  ['a file behind a linked folder', [{ path: 'out/linked/a.md' }], 'is a link or lies behind one'],
  ['a file elsewhere', [{ path: '/etc/hostname' }], 'not in NIGHTSHIFT_OUT_DIR'],
  ['a way out of the folder', [{ path: 'out/../stdin' }], 'not in NIGHTSHIFT_OUT_DIR'],
  ['the folder itself', [{ path: 'out' }], 'not in NIGHTSHIFT_OUT_DIR'],
  ['a folder in it', [{ path: 'out/deep' }], 'not a plain file'],
  ['a missing file', [{ path: 'out/none.md' }], 'is not there'],
  ['a file of another length', [{ path: 'out/deep/a.md', bytes: 5 }], 'with 5 bytes'],
  ['a file of another hash', [{ path: 'out/deep/a.md', sha256: 'a'.repeat(64) }], 'another hash'],
])('a result document that names %s is rejected', async (_, files, message) => {
  const night = await bench({ command: document({ status: 'ok', files }) });
  expect(await runToEnd(night)).toMatchObject({
    kind: 'failed',
    errorClass: 'rejected',
    message: expect.stringContaining(message) as string,
  });
  await expect(collected(night)).rejects.toMatchObject({ errorClass: 'rejected' });
});

test.each([
  [
    { status: 'failed', error: { class: 'throttled', message: 'slow\u001b[31m down', retryAfterMs: 60_000 } },
    'throttled',
    'slow down',
  ],
  [{ status: 'failed' }, 'rejected', 'reported failed'],
  [{ status: 'failed', error: { class: 'no such class', message: 'odd' } }, 'rejected', 'odd'],
  [{ status: 'rejected', error: { class: 'auth', message: 'refused' } }, 'rejected', 'refused'],
  [
    { status: 'needs-human', error: { class: 'auth', message: 'which of the two?' } },
    'invalid',
    'a person is needed: which of the two?',
  ],
  [{ status: 'what' }, 'rejected', 'status'],
])('a result document %j says what went wrong', async (fields, errorClass, message) => {
  const night = await bench({ command: document(fields) });
  const end = await runToEnd(night);
  expect(end).toMatchObject({ kind: 'failed', errorClass });
  expect('message' in end && end.message).toContain(message);
  if (errorClass === 'throttled') expect(end).toMatchObject({ retryAfterMs: 60_000 });
});

test('a failing exit code beats a result document that says ok', async () => {
  const night = await bench({
    command: sh(`echo '{"v":1,"status":"ok","text":"x"}' > "$NIGHTSHIFT_RESULT_FILE"; exit 9`),
  });
  expect(await runToEnd(night)).toMatchObject({ kind: 'failed', errorClass: 'rejected' });
});

test.each(['# An article\n', '{"title":"JSON of its own","v":1}', '{broken', '[1]', 'null'])(
  'a result file that is no result document is the artifact: %j',
  async (text) => {
    const night = await bench({ command: sh(`printf '%s' '${text}' > "$NIGHTSHIFT_RESULT_FILE"; echo log`) });
    expect(await runToEnd(night)).toEqual({ kind: 'succeeded' });
    expect((await collected(night)).toString()).toBe(text);
  },
);

test.each([
  [{ usd: '0.0125' }, 12_500, 'reported'],
  [{ usd: 0.3, source: 'estimate' }, 300_000, 'estimate'],
])('cost %j is %i micro-dollars', async (cost, costMicros, costSource) => {
  const night = await bench({
    command: document({ status: 'ok', text: 'x', usage: { inputTokens: 7 }, cost }),
  });
  await runToEnd(night);
  const found = await night.provider.find(night.request, undefined, night.context);
  if (found.kind !== 'session') throw new Error(found.kind);
  expect(await night.provider.usage(found.handle, night.context)).toEqual({
    inputTokens: 7,
    outputTokens: 0,
    cachedTokens: 0,
    costMicros,
    costSource,
  });
});

test('usage is not known of a program that reports none, in whatever phase', async () => {
  const night = await bench({ command: sh('sleep 0.2; echo x') });
  const handle = await night.provider.start(night.request, undefined, night.context);
  const none = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, costMicros: 0, costSource: 'none' };
  expect(await night.provider.usage(handle, night.context)).toEqual(none);
  await ended(night, handle);
  expect(await night.provider.usage(handle, night.context)).toEqual(none);
});

test('while it runs, the last line of stderr is the note and looks grow rarer', async () => {
  const night = await bench({ command: sh('echo "step 1" >&2; echo "step 2 of 3" >&2; sleep 2; echo done') });
  const handle = await night.provider.start(night.request, undefined, night.context);
  await until(() => existsSync(night.fileOf('stderr')) && night.read('stderr').includes('2 of 3'), 'a note');
  const startedMs = statSync(night.fileOf('pid.json')).mtimeMs;
  const after = (ms: number) =>
    night.provider.poll(handle, { ...night.context, now: () => new Date(startedMs + ms) });
  expect(await after(100)).toEqual({ kind: 'running', nextPollMs: 25, note: 'step 2 of 3' });
  expect(await after(5000)).toMatchObject({ nextPollMs: 500 });
  expect(await after(50_000)).toMatchObject({ nextPollMs: 1000 });
  expect(await ended(night, handle)).toEqual({ kind: 'succeeded' });
});

test('a session that is over its deadline is stopped', async () => {
  const night = await bench(
    { command: sh('echo half; sleep 60') },
    { deadlineAt: new Date(Date.now() + 300).toISOString() },
  );
  expect(await runToEnd(night)).toMatchObject({ kind: 'failed', errorClass: 'timeout' });
});

test('what goes wrong in a run directory that another try has made is no proof that nothing runs', async () => {
  const night = await bench({ command: sh('echo whole') });
  mkdirSync(join(night.stateDir, 'runs'));
  writeFileSync(join(night.stateDir, 'runs', `${RUN_KEY}-1`), 'no directory'); // as if the disk had gone bad
  const error = await night.provider
    .start(night.request, undefined, night.context)
    .catch((thrown: unknown) => night.provider.classify(thrown, 'start'));
  expect(error).toMatchObject({ errorClass: 'config', facts: { sent: 'maybe', code: 'ENOTDIR' } });
});

test('a session that another worker finds keeps its deadline, and its time counts from its start', async () => {
  const before = new Date(Date.now() - 60_000).toISOString(); // file times are coarser than clocks
  const night = await bench({ command: sh('echo whole') });
  const { context, request } = night;
  await ended(night, await night.provider.start(request, undefined, context));

  const later = { ...request, deadlineAt: '2999-01-01T00:00:00.000Z' }; // of a worker that counts from now
  const found = await (await night.another()).find(later, undefined, context);
  if (found.kind !== 'session') throw new Error(`found ${found.kind}`);
  const { ids, sentAt = '' } = found.handle;
  expect(ids['deadlineAt']).toBe(request.deadlineAt);
  expect(sentAt > before && sentAt < request.deadlineAt).toBe(true);
});

test('a session that ended before its deadline counts, however late somebody looks', async () => {
  const night = await bench({ command: sh('echo whole') });
  const handle = await night.provider.start(night.request, undefined, night.context);
  await ended(night, handle);
  const late = { ...night.context, now: () => new Date(Date.now() + 1e9) };
  expect(await night.provider.poll(handle, late)).toEqual({ kind: 'succeeded' });
});

test('a session that goes quiet is stopped, one that keeps writing is not', async () => {
  const quiet = await bench({ command: sh('echo hello; sleep 60'), quiet: '300ms' });
  expect(await runToEnd(quiet)).toMatchObject({
    errorClass: 'timeout',
    message: 'the program wrote nothing for 0.3 s and was stopped',
  });
  const steps =
    'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo $i >> "$NIGHTSHIFT_OUT_DIR/log"; sleep 0.2; done; echo done';
  const busy = await bench({ command: sh(steps), quiet: '1500ms' });
  expect(await runToEnd(busy)).toEqual({ kind: 'succeeded' });
});

test('the end of a session kills what escaped the group, and release keeps what the program said', async () => {
  const script = `cd "$NIGHTSHIFT_OUT_DIR"; setsid sh -c 'echo $$ > pid; exec sleep 300' &
    while [ ! -s pid ]; do sleep 0.01; done; echo x; echo note >&2`;
  const night = await bench({
    command: sh(script),
  });
  const handle = await night.provider.start(night.request, undefined, night.context);
  await ended(night, handle);
  const escaped = Number(night.read('out/pid'));
  expect(lives(escaped)).toBe(false);
  await night.provider.release?.(handle, night.context);
  expect(readdirSync(night.fileOf('.')).sort()).toEqual([
    'exit',
    'out',
    'pid.json',
    'spec.json',
    'stderr',
    'stdout',
  ]);
  await night.provider.release?.(handle, night.context);
  expect((await collected(night)).toString()).toBe('x\n');
});
