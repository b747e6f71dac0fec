// What the process tells its caller: how ends and errors become exit codes and texts.
import { describe, expect, test } from 'vitest';
import { exitCodeOfFindings } from '../../src/cli/doctor.js';
import { ExitCode, exitCodeOf, exitCodeOfState } from '../../src/cli/exit-codes.js';
import { failureDocument, failureOf } from '../../src/cli/failure.js';
import { AdapterError, InvalidBatch, UsageError, type ErrorClass } from '../../src/contract/errors.js';
import type { BatchOutcome, JobReport } from '../../src/contract/result.js';
import { EngineUnavailable } from '../../src/engine/engine-unavailable.js';

const job = (state: JobReport['state'], errorClass?: ErrorClass): JobReport => ({
  key: '0'.repeat(32),
  identity: { slug: 'a' },
  state,
  effects: [],
  ...(errorClass && { error: { class: errorClass, message: 'why' } }),
});
const ended = (result: BatchOutcome, ...jobs: JobReport[]) => ({
  batch: { name: 'nightly', key: '0'.repeat(32), workflowId: 'w', runId: 'r', result },
  jobs,
});

describe('the end of a batch', () => {
  test.each([
    ['a completed batch is done', ended('completed', job('done')), 0],
    ['a batch found finished is done', ended('already-completed', job('adopted')), 0],
    ['parked and held jobs make it incomplete', ended('incomplete', job('parked'), job('held')), 2],
    ['a cancelled batch is incomplete', ended('cancelled', job('cancelled')), 2],
    ['a pause that nobody waits for asks for later', ended('paused', job('waiting')), 75],
    ['so does a service that is back too late', ended('incomplete', job('gated', 'transient')), 75],
    ['an exhausted quota asks for later', ended('incomplete', job('gated', 'exhausted'), job('parked')), 75],
    ['credentials are configuration', ended('incomplete', job('gated', 'auth')), 78],
    [
      'what a person must put right goes before what passes',
      ended('incomplete', job('gated', 'exhausted'), job('gated', 'config')),
      78,
    ],
  ])('%s', (_, report, code) => {
    expect(exitCodeOf(report)).toBe(code);
  });

  test('a batch under way is as it should be', () => {
    expect(exitCodeOfState('running', [])).toBe(ExitCode.done);
    expect(exitCodeOfState('paused', [])).toBe(ExitCode.tryAgainLater);
    expect(exitCodeOfState('incomplete', [job('parked')])).toBe(ExitCode.incomplete);
  });
});

describe('errors', () => {
  const named = (name: string, message: string, facts: object = {}) =>
    Object.assign(new Error(message), { name, ...facts });

  test.each([
    ['wrong words', new UsageError('no batch "x"'), 64],
    ['a bad batch file', new InvalidBatch([{ file: 'b.yaml', line: 2, column: 3, message: 'is wrong' }]), 78],
    ['no engine', new EngineUnavailable('none', ['way: why'], 'do this'), 69],
    ['a connection lost for good', named('ServiceError', 'gone', { code: 14 }), 69],
    [
      'the same, wrapped',
      new Error('call failed', { cause: named('ServiceError', 'gone', { code: 14 }) }),
      69,
    ],
    ['a ledger in use', named('SqliteError', 'database is locked', { code: 'SQLITE_BUSY' }), 75],
    ['a damaged ledger', named('SqliteError', 'malformed', { code: 'SQLITE_CORRUPT' }), 78],
    ['a folder that may not be written', named('Error', 'EACCES', { code: 'EACCES', syscall: 'mkdir' }), 78],
    ['an adapter that refuses its options', new AdapterError('config', 'bad option'), 78],
    ['a spent quota', new AdapterError('exhausted', 'no more'), 75],
    ['commander: unknown verb', named('CommanderError', 'x', { code: 'commander.unknownCommand' }), 64],
    ['commander: --help', named('CommanderError', 'x', { code: 'commander.helpDisplayed', exitCode: 0 }), 0],
    ['commander: help run', named('CommanderError', 'x', { code: 'commander.help', exitCode: 0 }), 0],
    ['commander: no verb', named('CommanderError', 'x', { code: 'commander.help', exitCode: 1 }), 64],
    ['anything else', new TypeError('x is not a function'), 1],
    ['what is no error at all', 'oops', 1],
  ])('%s', (_, error, code) => {
    expect(failureOf(error).code).toBe(code);
  });

  test('a bad batch file is told with every problem and its place', () => {
    const { text } = failureOf(
      new InvalidBatch([
        { file: 'b.yaml', line: 2, column: 3, message: 'name is missing' },
        { file: 'jobs.csv', line: 9, message: 'slug is empty', hint: 'give it one' },
      ]),
    );
    expect(text).toContain('2 problems found, nothing was started');
    expect(text).toContain('b.yaml:2:3: name is missing');
    expect(text).toContain('jobs.csv:9: slug is empty');
  });

  test.each([
    ['ENOENT', 'x/plan.json: no such file\nLook at that path; then run the same command again.'],
    ['EACCES', /^x\/plan.json: may not be used by this user\nMake that place usable, .*--state/],
    ['ENOSPC', /^x\/plan.json: no room is left there\n/],
  ])('%s of a file is told in words, with its path', (code, text) => {
    const raw = { code, syscall: 'open', path: 'x/plan.json' };
    expect(failureOf(named('Error', `${code}: raw, open 'x/plan.json'`, raw)).text).toMatch(text);
  });

  test('--json gets the same as one document: kind and exit code, and what is known beside the text', () => {
    const problem = { file: 'b.yaml', line: 2, column: 3, message: 'name is missing' };
    expect(failureDocument(new InvalidBatch([problem]))).toEqual({
      error: {
        kind: 'configuration',
        exit: 78,
        message: expect.stringContaining('b.yaml:2:3: name is missing') as string,
        problems: [problem],
      },
    });
    expect(failureDocument(new AdapterError('exhausted', 'no more'))).toEqual({
      error: { kind: 'tryAgainLater', exit: 75, message: 'no more', class: 'exhausted' },
    });
    const unknown = named('CommanderError', "error: unknown option '--x'", {
      code: 'commander.unknownOption',
    });
    expect(failureDocument(unknown)).toEqual({
      error: { kind: 'usage', exit: 64, message: "unknown option '--x'" },
    });
  });

  test('no text shows a stack, and an unexpected error says that starting again is safe', () => {
    const { text } = failureOf(new TypeError('x is not a function'));
    expect(text).not.toContain('    at ');
    expect(text).toContain('may be run again');
  });
});

test('doctor tells an engine out of reach from everything else', () => {
  const finding = (subject: string, status: 'ok' | 'warn' | 'fail') => ({ subject, status, detail: '' });
  expect(exitCodeOfFindings([finding('node', 'ok'), finding('retention', 'warn')])).toBe(0);
  expect(exitCodeOfFindings([finding('engine', 'fail')])).toBe(69);
  expect(exitCodeOfFindings([finding('engine', 'fail'), finding('ledger', 'fail')])).toBe(78);
});
