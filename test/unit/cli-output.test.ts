// Where lines go, and what is redrawn in place: on a terminal of the test's own.
import { describe, expect, test } from 'vitest';
import { Output } from '../../src/cli/output.js';
import { Interrupts, type Interrupt } from '../../src/cli/interrupts.js';

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
  const signal = (interrupts: Interrupts, name: Interrupt = 'SIGINT') =>
    (interrupts as unknown as { arrived: (signal: Interrupt) => void }).arrived(name);
  const listened = () => {
    const exits: number[] = [];
    return { exits, interrupts: new Interrupts((code) => exits.push(code)) };
  };

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s ends the process at once unless a verb asked to end in good order',
    (name) => {
      const { exits, interrupts } = listened();
      signal(interrupts, name);
      expect(exits).toEqual([130]);
    },
  );

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'the first %s is an order to end, the second ends',
    async (name) => {
      const { exits, interrupts } = listened();
      await interrupts.during(async (aborted) => {
        signal(interrupts, name);
        expect(aborted.reason).toBe(name);
        expect(exits).toEqual([]);
        signal(interrupts, name);
        expect(exits).toEqual([130]);
      });
    },
  );

  test('a terminal that goes away stops nothing that outlives it; Ctrl-C does', async () => {
    const { exits, interrupts } = listened();
    await interrupts.during(
      async (aborted) => {
        signal(interrupts, 'SIGHUP');
        signal(interrupts, 'SIGHUP');
        expect(aborted.aborted).toBe(false);
        signal(interrupts);
        signal(interrupts, 'SIGHUP'); // what is in hand still ends
        expect(aborted.reason).toBe('SIGINT');
        expect(exits).toEqual([]);
      },
      { outlivesTerminal: true },
    );
    signal(interrupts, 'SIGHUP');
    expect(exits, 'when that is over').toEqual([130]);
  });

  test('of several at once all are told, and the next one ends', async () => {
    const { exits, interrupts } = listened();
    await interrupts.during((outer) =>
      interrupts.during(async (inner) => {
        signal(interrupts);
        expect([outer.aborted, inner.aborted]).toEqual([true, true]);
        expect(exits).toEqual([]);
        signal(interrupts);
        expect(exits).toEqual([130]);
      }),
    );
  });
});
