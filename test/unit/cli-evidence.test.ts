// What the verbs for receipts, backups and requests say, and what is noted of a request.
import { describe, expect, test } from 'vitest';
import { backupLines, restoreWords } from '../../src/cli/ledger-backup.js';
import { exportLines, proofWords } from '../../src/cli/ledger-export.js';
import { restoreLines } from '../../src/cli/ledger-restore.js';
import { receiptLines } from '../../src/cli/ledger-show.js';
import { verdictLines } from '../../src/cli/ledger-verify-receipts.js';
import { audited } from '../../src/client/audited.js';
import { AdapterError, UsageError } from '../../src/contract/errors.js';
import type { ExportVerdict } from '../../src/evidence/verify-export.js';
import type { NewRequest } from '../../src/ledger/ledger.js';
import { rendered, type Line } from '../../src/report/line.js';

const text = (lines: readonly Line[]) => lines.map((line) => rendered(line)).join('\n');
const KEY = 'd54377b09e326f79edd7ae454a87be49';

const verdict: ExportVerdict = {
  ok: true,
  exportedAt: '2026-11-23T02:00:00.000Z',
  receipts: 3,
  proved: 2,
  unsigned: 1,
  history: 0,
  keys: { '0123456789abcdef': 2 },
  trust: 'given',
  problems: [],
  problemsFound: 0,
};

test('a proved export says how much of it each key proves, and what nothing signs', () => {
  expect(text(verdictLines(verdict))).toBe(
    'proved  3 receipts, 2 with a signature that holds (2 by 0123456789abcdef)\n' +
      'unsigned  1 receipt, older than signing; the file as a whole vouches for them',
  );
});

test('a broken export names each place, made harmless, and how many more there are', () => {
  const shown = text(
    verdictLines({
      ...verdict,
      ok: false,
      unsigned: 0,
      problems: [
        { kind: 'altered', line: 4, effectKey: KEY, message: 'does not fit "\x1b[31mpost"' },
        { kind: 'removed', message: 'line 5 is missing' },
      ],
      problemsFound: 7,
    }),
  );
  expect(shown.split('\n')).toEqual([
    `altered    line 4: does not fit "post" [effect=${KEY}]`,
    'removed    line 5 is missing',
    'and 5 more',
    'broken  3 receipts, 2 with a signature that holds (2 by 0123456789abcdef)',
  ]);
});

test('what a backup or an export is good for is told with all that it takes: its artifacts, the public key', () => {
  const artifacts = { folder: '/b/artifacts', copied: 2, present: 0, damaged: [] };
  expect(restoreWords({ file: '/b/l.db', artifacts })).toEqual(
    'ledger restore /b/l.db --artifacts /b/artifacts'.split(' '),
  );
  expect(restoreWords({ file: '/b/l.db' })).toEqual('ledger restore /b/l.db'.split(' '));
  const proof = (signingKey?: string) =>
    proofWords({ file: '/x.jsonl' }, { stateDir: '/s', signingKey }).slice(2).join(' ');
  expect(proof()).toBe('--receipts /x.jsonl --key /s/keys/receipts.pub');
  expect(proof('PEM'), 'its public half is where that key is from').toBe(
    '--receipts /x.jsonl --key receipts.pub',
  );
});

test('export, backup and restore say what is in the file', () => {
  const exported = { file: '/x.jsonl', receipts: 3, unsigned: 1, history: 0, bytes: 9 } as const;
  expect(text(exportLines({ ...exported, format: 'jsonl', signedBy: 'k', digest: 'd' }))).toBe(
    'file      /x.jsonl\nreceipts  3, of which 1 unsigned\nsigner    k\ndigest    d',
  );
  const facts = { schemaVersion: 2, jobs: 4, receipts: 3, newestAt: '2026-11-23T02:00:00.000Z' };
  const artifacts = { folder: '/a', copied: 1, present: 2, damaged: [] };
  expect(text(backupLines({ ...facts, file: '/x.db', bytes: 9, sha256: 's', artifacts }, 'UTC'))).toContain(
    'artifacts  1 copied, 2 there already [folder=/a]',
  );
  const restored = { ...facts, from: '/x.db', replaced: '/old.db', before: { ...facts, receipts: 5 } };
  expect(text(restoreLines(restored, 'UTC'))).toContain('receipts  3, where the replaced ledger had 5');
  expect(text(restoreLines({ ...restored, replaced: undefined, before: undefined }, 'UTC'))).toContain(
    'replaced  none was in place',
  );
});

test('a receipt that a person answered for names the person', () => {
  const receipt = {
    effectKey: KEY,
    revision: 1,
    id: '42',
    sha256: 'a'.repeat(64),
    landedAt: '2026-11-23T02:00:00.000Z',
    adopted: true,
    decidedBy: 'ann',
    work: 'article',
    jobKey: KEY,
    identity: { site: 'blog' },
    name: 'mail',
    target: 't',
    use: 'smtp',
    batchId: 'batch:nightly:1',
  };
  expect(text(receiptLines([receipt], undefined, 'UTC'))).toContain('mail (ann said so)');
});

describe('of a request is noted', () => {
  const asked = { by: 'ann', what: 'start', reason: 'again' } as const;
  const noting = () => {
    const noted: NewRequest[] = [];
    return { noted, ledger: { recordRequest: async (request: NewRequest) => void noted.push(request) } };
  };

  test('what came of it', async () => {
    const { noted, ledger } = noting();
    const outcome = { outcome: 'joined', runId: 'r' } as const;
    expect(
      await audited(
        ledger,
        asked,
        async () => 7,
        () => outcome,
      ),
    ).toBe(7);
    expect(noted).toEqual([{ ...asked, ...outcome }]);
  });

  test.each([
    [new UsageError('no such batch'), 'refused'],
    [new AdapterError('conflict', 'another payload'), 'conflict'],
    [new AdapterError('config', 'no engine'), 'failed'],
    [new Error('gone'), 'failed'],
  ] as const)('why it was not done: %s', async (error, outcome) => {
    const { noted, ledger } = noting();
    const act = async (): Promise<number> => {
      throw error;
    };
    await expect(audited(ledger, asked, act, () => ({ outcome: 'started' }))).rejects.toBe(error);
    expect(noted).toEqual([{ ...asked, outcome, reason: `again: ${error.message}` }]);
  });

  test('nothing of failure when only the note failed', async () => {
    const noted: NewRequest[] = [];
    const ledger = {
      recordRequest: async (request: NewRequest) => {
        noted.push(request);
        throw new Error('disk full');
      },
    };
    await expect(
      audited(
        ledger,
        asked,
        async () => 7,
        () => ({ outcome: 'started' }),
      ),
    ).rejects.toThrow('disk full');
    expect(noted.map(({ outcome }) => outcome)).toEqual(['started']);
  });
});
