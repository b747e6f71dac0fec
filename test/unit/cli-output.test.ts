// Where lines go, and what is redrawn in place: on a terminal of the test's own.
import { describe, expect, test } from 'vitest';
import { Output } from '../../src/cli/output.js';
import { Interrupts } from '../../src/cli/interrupts.js';

interface FakeStream {
  readonly stream: NodeJS.WriteStream;
  written(): string;
  columns: number;
}

function fakeStream(isTTY: boolean): FakeStream {
  const written: string[] = [];
  const stream = { isTTY, columns: 40, rows: 10, write: (text: string) => written.push(text) };
  return {
    stream: stream as unknown as NodeJS.WriteStream,
    written: () => written.join(''),
    set columns(value: number) {
      stream.columns = value;
    },
  };
}

const output = (isTTY: boolean, quiet = false) => {
  const [stdout, stderr] = [fakeStream(isTTY), fakeStream(isTTY)];
  return { stdout, stderr, out: new Output(stdout.stream, stderr.stream, { quiet, color: false }) };
};

describe('output', () => {
  test('results and JSON go to stdout, progress and notes to stderr', () => {
    const { out, stdout, stderr } = output(false);
    out.result('result');
    out.json({ a: 1 });
    out.progress('progress');
    out.note('note');
    expect(stdout.written()).toBe('result\n{\n  "a": 1\n}\n');
    expect(stderr.written()).toBe('progress\nnote\n');
  });

  test('quiet leaves out progress, not what must be seen', () => {
    const { out, stderr } = output(true, true);
    out.progress('progress');
    out.live([['frame']]);
    out.note('note');
    expect(stderr.written()).toBe('note\n');
  });

  test('away from a terminal nothing is redrawn', () => {
    const { out, stderr } = output(false);
    out.live([['frame']]);
    out.endLive();
    expect(stderr.written()).toBe('');
  });

  test('a frame replaces the one before, and a note goes above it', () => {
    const { out, stderr } = output(true);
    out.live([['one'], ['two']]);
    out.live([['three'], ['four']]);
    out.note('note');
    out.endLive();
    expect(stderr.written()).toBe(
      '\x1b[?25lone\ntwo\n' +
        '\r\x1b[2A\x1b[J\x1b[?25lthree\nfour\n' +
        '\r\x1b[2A\x1b[Jnote\n\x1b[?25lthree\nfour\n' +
        '\r\x1b[2A\x1b[J\x1b[?25h',
    );
  });

  test('a terminal made narrower has wrapped the frame, and all of it is taken away', () => {
    const { out, stderr } = output(true);
    out.live([['x'.repeat(38)], ['short']]);
    stderr.columns = 20;
    out.endLive();
    expect(stderr.written()).toContain('\x1b[3A');
  });

  test('a frame is never higher than the terminal, and hostile text stays text', () => {
    const { out, stderr } = output(true);
    out.live(Array.from({ length: 50 }, (_, at) => [`line ${at} \x1b[2J\x1b[999A`]));
    expect(stderr.written().split('\n')).toHaveLength(10);
    expect(stderr.written()).not.toContain('\x1b[2J');
  });
});

describe('interrupts', () => {
  const signal = async (interrupts: Interrupts) =>
    (interrupts as unknown as { arrived: (signal: string) => void }).arrived('SIGINT');

  test('end the process at once unless a verb asked to end in good order', async () => {
    const exits: number[] = [];
    await signal(new Interrupts((code) => exits.push(code)));
    expect(exits).toEqual([130]);
  });

  test('the first is an order to end, the second ends', async () => {
    const exits: number[] = [];
    const interrupts = new Interrupts((code) => exits.push(code));
    await interrupts.during(async (aborted) => {
      await signal(interrupts);
      expect(aborted.aborted).toBe(true);
      expect(exits).toEqual([]);
      await signal(interrupts);
      expect(exits).toEqual([130]);
    });
  });
});
