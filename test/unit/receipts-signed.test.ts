// Exports of receipts are proved from the file alone, and every way of tampering is named. Keys as files.
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { exportReceipts, verifyReceipts, type ExportRequest } from '../../src/client/export.js';
import { UsageError } from '../../src/contract/errors.js';
import { loadSigner } from '../../src/evidence/key-files.js';
import { receiptText } from '../../src/evidence/receipt-text.js';
import { lazySigner, signerOf, type Signer } from '../../src/evidence/signing.js';
import { verifyExport } from '../../src/evidence/verify-export.js';
import { jobKey } from '../../src/identity/keys.js';
import type { EvidenceRow, EvidenceSink } from '../../src/ledger/ledger.js';
import { rounds } from '../support/rounds.js';

function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-keys-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const aPair = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    pub: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
};
const aSigner = (): Signer => signerOf(aPair().pem, 'a test');

function aReceipt(slug: string, signer: Signer | undefined, more: Partial<EvidenceRow> = {}): EvidenceRow {
  const identity = { site: 'blog', slug };
  const receipt = {
    effectKey: jobKey({ of: slug }),
    revision: 1,
    id: `id-${slug}`,
    url: `https://blog.example/${slug}`,
    sha256: 'a'.repeat(64),
    landedAt: '2026-01-01T00:00:00.000Z',
    adopted: false,
    work: 'article',
    jobKey: jobKey(identity),
    identity,
    name: 'post',
    target: './public',
    use: 'folder',
    batchId: 'batch:nightly:1',
    recordedAt: '2026-01-01T00:00:01.000Z',
    ...more,
  };
  if (!signer) return receipt;
  return { ...receipt, signature: signer.sign(receiptText(receipt)), signedBy: signer.keyId };
}

/** A ledger that hands over these rows. @param breaks how often it begins again after a part of them */
const ledgerOf = (rows: readonly EvidenceRow[], signers: readonly Signer[], breaks = 0) => ({
  async evidence({ history }: { history?: boolean }, sink: EvidenceSink) {
    const seqs = history === true ? [1, 2, 3] : [];
    for (let tries = 0; tries <= breaks; tries++) {
      await sink.begin({
        receipts: rows.length,
        unsigned: rows.filter(({ signature }) => signature === undefined).length,
        history: seqs.length,
        keys: Object.fromEntries(signers.map(({ keyId, publicKey }) => [keyId, publicKey])),
      });
      await sink.receipts(tries < breaks ? rows.slice(0, 1) : rows);
    }
    await sink.history(
      seqs.map((seq) => ({
        seq,
        at: '2026-01-01T00:00:00.000Z',
        kind: 'effect',
        subject: 'x',
        from: undefined,
        to: 'landed',
        by: 'somebody',
        detail: '=cmd()',
      })),
    );
  },
});

interface Made {
  readonly lines: string[];
  readonly signer: Signer;
  readonly file: string;
  readonly folder: string;
}

async function anExport(
  {
    unsigned = 0,
    breaks = 0,
    ...request
  }: Partial<ExportRequest> & { unsigned?: number; breaks?: number } = {},
  signer = aSigner(),
): Promise<Made> {
  const folder = aFolder();
  const slugs = ['one', 'two', 'three', 'four', 'five'];
  const rows = slugs.map((slug, index) => aReceipt(slug, index < unsigned ? undefined : signer));
  const file = join(folder, 'receipts.jsonl');
  await exportReceipts(ledgerOf(rows, [signer], breaks), signer, { out: file, history: true, ...request });
  return { lines: readFileSync(file, 'utf8').trimEnd().split('\n'), signer, file, folder };
}

async function* stream(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}
const verdictOf = (lines: readonly string[], keys: readonly string[] = []) =>
  verifyExport(
    stream(lines),
    keys.map((pem) => ({ pem, from: 'a test' })),
  );
const kindsOf = async (lines: readonly string[], keys: readonly string[] = []) =>
  (await verdictOf(lines, keys)).problems.map(({ kind, line }) => `${kind} ${line ?? '-'}`);

/** One line with some of its fields changed. */
const changed = (lines: readonly string[], at: number, change: (fields: Record<string, unknown>) => object) =>
  lines.map((line, index) =>
    index === at ? JSON.stringify(change(JSON.parse(line) as Record<string, unknown>)) : line,
  );

describe('an export', () => {
  test('that is as it was written is proved', async () => {
    const { file, signer, lines } = await anExport();
    expect(lines).toHaveLength(1 + 5 + 3 + 1);
    expect(await verifyReceipts(file)).toEqual({
      ok: true,
      exportedAt: expect.stringMatching(/Z$/) as string,
      receipts: 5,
      proved: 5,
      unsigned: 0,
      history: 3,
      keys: { [signer.keyId]: 5 },
      trust: 'file',
      problems: [],
      problemsFound: 0,
    });
  });

  test('says what was written without a signature', async () => {
    const { lines } = await anExport({ unsigned: 2 });
    expect(await verdictOf(lines)).toMatchObject({ ok: true, receipts: 5, proved: 3, unsigned: 2 });
  });

  test('is whole also when the database broke off on the way', async () => {
    const { lines } = await anExport({ breaks: 2 });
    expect(await verdictOf(lines)).toMatchObject({ ok: true, receipts: 5, problems: [] });
  });

  test('is for its owner only, and never written over', async () => {
    const { file, signer, folder } = await anExport();
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    const before = readFileSync(file, 'utf8');
    await expect(exportReceipts(ledgerOf([], []), signer, { out: file })).rejects.toThrow(UsageError);
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(readdirSync(folder)).toEqual(['receipts.jsonl']);
  });

  test('that breaks off leaves nothing behind', async () => {
    const folder = aFolder();
    const broken = {
      evidence: async (_: unknown, sink: EvidenceSink) => {
        await sink.begin({ receipts: 1, unsigned: 1, history: 0, keys: {} });
        throw new Error('disk gone');
      },
    };
    await expect(exportReceipts(broken, aSigner(), { out: join(folder, 'x') })).rejects.toThrow('disk gone');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('without any receipt is proved too', async () => {
    const file = join(aFolder(), 'empty.jsonl');
    const signer = aSigner();
    await exportReceipts(ledgerOf([], []), signer, { out: file });
    expect(await verifyReceipts(file)).toMatchObject({ ok: true, receipts: 0, keys: {} });
  });
});

describe('tampering is named:', () => {
  test.each([
    ['id', { id: 'another' }],
    ['target', { target: 'elsewhere' }],
    ['batch', { batchId: 'batch:other:1' }],
    ['time', { landedAt: '2026-01-01T00:00:00.001Z' }],
    ['an added decision', { decidedBy: 'bob' }],
    ['identity', { identity: { site: 'blog', slug: 'other' } }],
  ])('an altered receipt (%s)', async (_, change) => {
    const { lines } = await anExport();
    const tampered = changed(lines, 3, (fields) => ({ ...fields, ...change }));
    const { ok, problems } = await verdictOf(tampered);
    expect(ok).toBe(false);
    expect(problems).toMatchObject([{ kind: 'altered', line: 4, effectKey: jobKey({ of: 'three' }) }]);
  });

  test('an altered field that no signature covers', async () => {
    const { lines } = await anExport({ unsigned: 5 });
    expect(await kindsOf(changed(lines, 1, (fields) => ({ ...fields, id: 'x' })))).toEqual(['altered 2']);
    expect(await kindsOf(changed(lines, 7, (fields) => ({ ...fields, by: 'x' })))).toEqual(['altered 8']);
    expect(
      await kindsOf(changed(lines, 0, (fields) => ({ ...fields, exportedAt: '2020-01-01T00:00:00Z' }))),
    ).toEqual(['altered 1']);
  });

  test('a signature taken off a receipt', async () => {
    const { lines } = await anExport();
    const stripped = changed(lines, 2, ({ signature: _s, signedBy: _b, ...fields }) => fields);
    expect(await kindsOf(stripped)).toEqual(expect.arrayContaining(['altered 3', 'added -']));
  });

  test('a removed line, also the last ones', async () => {
    const { lines } = await anExport();
    const without = (...gone: number[]) => lines.filter((_, index) => !gone.includes(index));
    const { problems } = await verdictOf(without(2, 3));
    expect(problems.map(({ kind }) => kind)).toContain('removed');
    expect(problems.map(({ message }) => message)).toContain('lines 3 to 4 are missing');
    expect(await kindsOf(without(9))).toEqual(['removed -']);
    expect((await verdictOf(without(9))).problems[0]?.message).toMatch(/end of the file was cut off/);
    expect(await kindsOf(without(7, 8, 9))).toContain('removed -');
    expect(await kindsOf(without(8))).toContain('removed 9');
    expect(await kindsOf(without(0))).toContain('removed -');
  });

  test('lines in another order', async () => {
    const { lines } = await anExport();
    const [a = '', b = ''] = lines.slice(2, 4);
    const { problems } = await verdictOf([...lines.slice(0, 2), b, a, ...lines.slice(4)]);
    expect(problems).toMatchObject([{ kind: 'reordered', line: 4 }]);
  });

  test('a line that is there twice, or comes from elsewhere', async () => {
    const { lines, signer } = await anExport();
    const other = await anExport({ history: false }, signer);
    const twice = [...lines.slice(0, 3), lines[2] ?? '', ...lines.slice(3)];
    expect(await kindsOf(twice)).toContain('added 4');
    const foreign = changed(other.lines, 2, (fields) => ({ ...fields, n: 10 }));
    const grown = [...lines.slice(0, 9), foreign[2] ?? '', ...lines.slice(9)];
    expect((await verdictOf(grown)).ok).toBe(false);
    expect(await kindsOf([...lines, lines[9] ?? ''])).toEqual(['added 11']);
  });

  test('a shorter export put together from one that was signed, with every digest made anew', async () => {
    const { lines, signer } = await anExport();
    const forger = aSigner();
    const file = join(aFolder(), 'forged.jsonl');
    const kept = lines.slice(1, 3).map((line) => {
      const {
        n: _n,
        type: _type,
        chain: _chain,
        ...row
      } = JSON.parse(line) as EvidenceRow & Record<string, unknown>;
      return row;
    });
    await exportReceipts(ledgerOf(kept, [signer]), forger, { out: file });
    const forged = readFileSync(file, 'utf8').trimEnd().split('\n');

    expect(await kindsOf(forged, [signer.publicKey])).toEqual(['wrong-key 4']);
    const footer = lines.at(-1) ?? '';
    expect((await verdictOf([...forged.slice(0, 3), footer], [signer.publicKey])).ok).toBe(false);
  });

  test('a whole export made with another key', async () => {
    const mine = aSigner();
    const { lines, signer } = await anExport();
    expect(await verdictOf(lines, [mine.publicKey])).toMatchObject({ ok: false, proved: 0, trust: 'given' });
    expect(new Set((await verdictOf(lines, [mine.publicKey])).problems.map(({ kind }) => kind))).toEqual(
      new Set(['wrong-key']),
    );
    expect(await verdictOf(lines, [mine.publicKey, signer.publicKey])).toMatchObject({ ok: true, proved: 5 });
  });

  test('a key in the header under the name of another', async () => {
    const { lines, signer } = await anExport();
    const swapped = changed(lines, 0, (fields) => ({
      ...fields,
      keys: { [signer.keyId]: aSigner().publicKey },
    }));
    expect(await kindsOf(swapped)).toContain('wrong-key 1');
    const nonsense = changed(lines, 0, (fields) => ({ ...fields, keys: { [signer.keyId]: 'no key' } }));
    expect(await kindsOf(nonsense)).toContain('wrong-key 1');
  });

  test('any change of any character of meaning', async () => {
    const { lines } = await anExport({ unsigned: 2 });
    const text = lines.join('\n');
    await fc.assert(
      fc.asyncProperty(
        fc.nat(text.length - 1),
        fc.constantFrom(...'0123456789abcdefXYZ"{}:,=+/ '),
        fc.constantFrom('replace', 'delete', 'insert'),
        async (at, character, how) => {
          const rest = text.slice(how === 'insert' ? at : at + 1);
          const tampered = `${text.slice(0, at)}${how === 'delete' ? '' : character}${rest}`.split('\n');
          // A blank that means nothing may be found out too: the chain is over the lines as they are written.
          fc.pre(JSON.stringify(meaning(tampered)) !== JSON.stringify(meaning(lines)));
          // A header that claims a newer form is refused whole.
          const refused = await verdictOf(tampered).then(
            ({ ok }) => !ok,
            (error: unknown) => error instanceof UsageError,
          );
          expect(refused, `${how} ${character} at ${at}`).toBe(true);
        },
      ),
      { numRuns: rounds(150, 1000), examples: [[text.indexOf('"version":1') + 10, '3', 'replace']] },
    );
  });

  /** Base64 has spare bits, and says the same with and without its padding. */
  const meaning = (lines: readonly string[]): unknown[] =>
    lines.map((line) => {
      try {
        const fields = JSON.parse(line) as Record<string, unknown>;
        const { signature } = fields;
        if (typeof signature !== 'string') return fields;
        return fields['type'] === 'footer'
          ? { ...fields, signature: Buffer.from(signature, 'base64').toString('hex') }
          : fields;
      } catch {
        return `not JSON: ${line}`;
      }
    });

  test.each([['notes\nabout milk'], ['{"a":1}\n{"b":2}'], ['']])('a file that is no export', async (text) => {
    const file = join(aFolder(), 'x');
    writeFileSync(file, text);
    await expect(verifyReceipts(file)).rejects.toThrow(UsageError);
  });

  test('an export of a newer form', async () => {
    const { lines } = await anExport();
    await expect(verdictOf(changed(lines, 0, (fields) => ({ ...fields, version: 2 })))).rejects.toThrow(
      /newer/,
    );
  });
});

test('in a CSV file a spreadsheet finds no formula', async () => {
  const file = join(aFolder(), 'receipts.csv');
  const rows = [
    aReceipt('one', undefined, { id: '=HYPERLINK("http://x")', url: '+1', target: '@a', name: 'a "b", c' }),
    aReceipt('two', undefined, { id: '-2', url: '\tx', target: 'plain', decidedBy: '\r=1' }),
  ];
  const unused = lazySigner(() => {
    throw new Error('no key is needed for CSV');
  });
  await exportReceipts(ledgerOf(rows, []), unused, { out: file, csv: true });

  const [head, one, two] = readFileSync(file, 'utf8').split('\r\n');
  expect(head).toMatch(/^landed_at,work,job,effect,target,use,id,url,/);
  expect(one).toContain(`,"a ""b"", c","'@a",folder,"'=HYPERLINK(""http://x"")","'+1",1,`);
  expect(two).toContain(`,plain,folder,"'-2","'\tx",1,`);
  await expect(
    exportReceipts(ledgerOf(rows, []), unused, { out: `${file}2`, csv: true, history: true }),
  ).rejects.toThrow(UsageError);
});

describe('the key that signs', () => {
  test('is made once, for its owner only, and found again', () => {
    const folder = join(aFolder(), 'state', 'keys');
    const signer = loadSigner({ folder });
    expect(readdirSync(folder).sort()).toEqual(['receipts.key', 'receipts.pub']);
    expect(['receipts.key', 'receipts.pub'].map((name) => statSync(join(folder, name)).mode & 0o777)).toEqual(
      [0o600, 0o600],
    );
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(folder, 'receipts.pub'), 'utf8')).toBe(signer.publicKey);
    expect(loadSigner({ folder }).keyId).toBe(signer.keyId);
    expect(signer.keyId).toMatch(/^[0-9a-f]{16}$/);
  });

  test('is one key when many processes start at once', async () => {
    const folder = aFolder();
    const starters = Array.from({ length: 4 }, () => aStarter(folder));
    for (const { ready } of starters) await ready;
    for (const { start } of starters) start();
    const made = await Promise.all(starters.map(({ keyIds }) => keyIds));

    expect(new Set(made).size).toBe(1);
    expect(new Set(made[0]?.split(',')).size).toBe(FOLDERS); // each folder has a key of its own
    expect(readdirSync(join(folder, '0')).sort()).toEqual(['receipts.key', 'receipts.pub']);
  });

  test('is made private again, and its public half is written again', () => {
    const folder = aFolder();
    const { keyId, publicKey } = loadSigner({ folder });
    chmodSync(join(folder, 'receipts.key'), 0o644);
    writeFileSync(join(folder, 'receipts.pub'), 'something else');
    expect(loadSigner({ folder }).keyId).toBe(keyId);
    expect(statSync(join(folder, 'receipts.key')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(folder, 'receipts.pub'), 'utf8')).toBe(publicKey);
  });

  test('may be given as text or as a path; then no file is made', () => {
    const folder = join(aFolder(), 'keys');
    const { pem } = aPair();
    const file = join(aFolder(), 'my.key');
    writeFileSync(file, pem);
    const ids = [pem, pem.replaceAll('\n', '\\n'), file].map((given) => loadSigner({ folder, given }).keyId);
    expect(new Set(ids).size).toBe(1);
    expect(() => readdirSync(folder)).toThrow(/ENOENT/);
  });

  test('that is of no use is refused without being shown', () => {
    const folder = aFolder();
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    const refused = [
      rsa.export({ type: 'pkcs8', format: 'pem' }).toString(),
      '-----BEGIN PRIVATE KEY-----\nSECRETSECRET\n-----END PRIVATE KEY-----',
      'SECRETSECRET',
    ];
    for (const given of refused) {
      try {
        loadSigner({ folder, given });
        expect.unreachable();
      } catch (error) {
        expect(error).toMatchObject({ errorClass: 'config' });
        expect(String(error)).not.toContain('SECRETSECRET');
        expect(String(error)).not.toContain('MII');
      }
    }
    writeFileSync(join(folder, 'receipts.key'), 'half a key');
    expect(() => loadSigner({ folder })).toThrow(/receipts\.key/);
  });
});

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** One race is soon over; among so many, some are close. */
const FOLDERS = 60;

/** A process that has loaded everything and waits for a word: then all come to the same folders at the same time. */
function aStarter(folder: string) {
  const program = `
    import { loadSigner } from './dist/evidence/key-files.js';
    process.stdout.write('ready ');
    process.stdin.once('data', () => {
      process.stdin.destroy();
      const folders = Array.from({ length: ${FOLDERS} }, (_, index) => process.argv[1] + '/' + index);
      process.stdout.write(folders.map((folder) => loadSigner({ folder }).keyId).join());
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, folder], { cwd: ROOT });
  onTestFinished(() => void child.kill('SIGKILL'));
  let [text, errors] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (part: string) => (errors += part));
  const keyIds = new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(text.replace('ready ', '')) : reject(new Error(errors)),
    );
  });
  const ready = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      resolve();
    });
  });
  return { ready: Promise.race([ready, keyIds]), keyIds, start: () => void child.stdin.write('go') };
}
