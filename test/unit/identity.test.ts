/** What must hold for every key, whatever the values: properties, and the values that are refused. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { identityFieldSchema, nameSchema } from '../../src/contract/batch-file.js';
import type { JsonObject } from '../../src/contract/json.js';
import { volatileNotes } from '../../src/contract/volatile-fields.js';
import { canonicalForm, encodeValue, invisibleIn, normaliseValue } from '../../src/identity/canonical.js';
import { canonicalJson } from '../../src/identity/canonical-json.js';
import { fingerprint } from '../../src/identity/fingerprint.js';
import { batchKey, effectKey, jobKey, keyOf, runKey, storedJobKey } from '../../src/identity/keys.js';
import {
  batchNameOf,
  batchWorkflowId,
  jobWorkflowId,
  parseBatchWorkflowId,
  parseJobWorkflowId,
  parseShardWorkflowId,
  shardWorkflowId,
} from '../../src/identity/workflow-ids.js';

// Dense in the characters that joins and escapes trip over, and in marks that compose.
const awkward = fc.string({
  unit: fc.oneof(
    fc.constantFrom(':', '%', '3', 'A', '2', '5', 'a', 'e', '\u0301', '\u00e9', '\n'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
});
const value = awkward.filter((text) => normaliseValue(text).ok);
const values = fc.array(value, { minLength: 1, maxLength: 5 });
const hexKey = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 32, maxLength: 32 });
const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,63}$/);

const nfc = (list: readonly string[]) => list.map((text) => text.normalize('NFC'));
const identityOf = (list: readonly string[]) => Object.fromEntries(list.map((text, i) => [`f${i}`, text]));

test('two identities have one canonical form only when their values are the same', () => {
  fc.assert(
    fc.property(values, values, (a, b) => {
      const same = JSON.stringify(nfc(a)) === JSON.stringify(nfc(b));
      expect(canonicalForm(a) === canonicalForm(b)).toBe(same);
    }),
  );
});

test('the join can be taken apart again, so no two lists share one', () => {
  const decode = (text: string) => text.replaceAll('%3A', ':').replaceAll('%25', '%');
  fc.assert(
    fc.property(values, (list) => {
      expect(canonicalForm(list).split(':').map(decode)).toEqual(nfc(list));
    }),
  );
});

test.each([
  [
    ['a:b', 'c'],
    ['a', 'b:c'],
  ],
  [['a:b'], ['a', 'b']],
  [['%3A'], [':']],
  [['%253A'], ['%3A']],
  [
    ['a%3Ab', 'c'],
    ['a:b', 'c'],
  ],
  [
    ['ab', 'c'],
    ['a', 'bc'],
  ],
  [
    ['a', 'b'],
    ['b', 'a'],
  ],
  [['Post'], ['post']],
])('%j and %j are different jobs', (a, b) => {
  expect(keyOf(a)).not.toBe(keyOf(b));
});

test('composed and decomposed spellings are one job', () => {
  fc.assert(
    fc.property(values, (list) => {
      const composed = identityOf(list.map((text) => text.normalize('NFC')));
      const decomposed = identityOf(list.map((text) => text.normalize('NFD')));
      expect(jobKey(decomposed)).toBe(jobKey(composed));
    }),
  );
});

test('numbers and booleans are the job that their JSON form is', () => {
  expect(jobKey({ id: 7, done: true })).toBe(jobKey({ id: '7', done: 'true' }));
  expect(normaliseValue(-0)).toEqual({ ok: true, value: '0' });
  expect(normaliseValue(1.5)).toEqual({ ok: true, value: '1.5' });
});

test.each(
  (
    'attempt runId RUN-ID run_id executionId sessionId batchId createdAt updated_at startedAt date time now today timestamp ' +
    'nonce uuid guid random index row_number position'
  ).split(' '),
)('%s says when or how a job runs: no key is made from it', (field) => {
  expect(identityFieldSchema.safeParse(field.replace('-', '_')).success).toBe(false);
  expect(() => jobKey({ date: '2026' })).toThrow(/^identity field "date" says when or how a job runs/);
  expect(() => jobKey({ slug: 'a', [field]: '1' })).toThrow(`identity field "${field}" says`);
  expect(storedJobKey({ slug: 'a', [field]: '1' })).toBe(keyOf(['a', '1'])); // one that was taken before
});

test.each(
  (
    'attemptNumber attempt_no attempt2 try_no tries retry_count runNumber run_no runAt lastRunAt workflowId workflow_run_id ' +
    'requestId request_id requestid traceId span_id correlationId createdOn created_date generatedAt currentDate currentdate ' +
    'now_utc nowUtc timestampMs ts ts_ms epoch epochMs unixTime counter uuid2 randomSeed rand_id rowIndex lineNo'
  ).split(' '),
)('%s reads as if it did, and is noted: batches that have it go on working', (field) => {
  expect(identityFieldSchema.safeParse(field).success).toBe(true);
  expect(jobKey({ slug: 'a', [field]: '1' })).toBe(keyOf(['a', '1']));
  expect(volatileNotes(['slug', field])).toEqual([
    expect.stringMatching(
      new RegExp(`^identity field "${field}" reads like one that says when or how a job runs: `),
    ),
  ]);
});

test.each(
  (
    'edition day week month year slug id name site category customer customerId product_uuid publishDate publishedAt ' +
    'release_date eventTimestamp deliveryTime createdBy current created request requestNumber session sessionTitle workflow trace ' +
    'batchNumber batch_no runtime runTime runner trySite tryon tryOn country random_house counterparty nowPlaying seq series ' +
    'part chapter itemNumber lineItem lineId rowId indexName fund_index account_number epochs history timeline datebook'
  ).split(' '),
)('%s may say what is processed', (field) => {
  expect(identityFieldSchema.safeParse(field).success).toBe(true);
  expect(volatileNotes([field])).toEqual([]);
  expect(jobKey({ [field]: 'a' })).toBe(keyOf(['a']));
});

test('clock and chance do not enter a key: the same parts give it again, at any time', () => {
  const now = Date.now;
  const random = Math.random;
  fc.assert(
    fc.property(values, name, fc.nat(), (list, work, tick) => {
      const all = () => {
        const key = jobKey(identityOf(list));
        return [
          key,
          runKey({ work, jobKey: key, revision: 1 }),
          effectKey({ work, jobKey: key, name: 'post', target: list[0] ?? '' }),
          batchKey({ name: work, jobKeys: [key] }),
        ];
      };
      const before = all();
      Date.now = () => tick;
      Math.random = () => 0.5;
      try {
        expect(all()).toEqual(before);
      } finally {
        Date.now = now;
        Math.random = random;
      }
    }),
  );
});

test('the place of a job in its batch, and how often it is listed, do not change the batch key', () => {
  fc.assert(
    fc.property(fc.uniqueArray(hexKey, { minLength: 1, maxLength: 20 }), name, (keys, batch) => {
      const shuffled = [...keys].reverse().concat(keys.slice(0, 3));
      expect(batchKey({ name: batch, jobKeys: shuffled })).toBe(batchKey({ name: batch, jobKeys: keys }));
    }),
  );
});

test('another name or another set of jobs is another batch', () => {
  fc.assert(
    fc.property(fc.uniqueArray(hexKey, { minLength: 2, maxLength: 9 }), (keys) => {
      const whole = batchKey({ name: 'night', jobKeys: keys });
      expect(batchKey({ name: 'day', jobKeys: keys })).not.toBe(whole);
      expect(batchKey({ name: 'night', jobKeys: keys.slice(1) })).not.toBe(whole);
    }),
  );
});

test('each effect of a job has its own key, which its revision does not change', () => {
  fc.assert(
    fc.property(
      name,
      hexKey,
      fc.uniqueArray(fc.tuple(name, value), { maxLength: 8 }),
      (work, job, effects) => {
        const keys = effects.map(([effect, target]) =>
          effectKey({ work, jobKey: job, name: effect, target }),
        );
        const distinct = new Set(
          effects.map(([effect, target]) => JSON.stringify([effect, ...nfc([target])])),
        );
        expect(new Set(keys).size).toBe(distinct.size);
      },
    ),
  );
  expect(runKey({ work: 'article', jobKey: 'a', revision: 1 })).not.toBe(
    runKey({ work: 'article', jobKey: 'a', revision: 2 }),
  );
});

test('a key is 32 lower-case hex characters', () => {
  fc.assert(fc.property(values, (list) => /^[0-9a-f]{32}$/.test(keyOf(list))));
});

test('an empty list has no key, or it would share one with an empty value', () => {
  expect(() => keyOf([])).toThrow(RangeError);
  expect(() => jobKey({})).toThrow(RangeError);
});

test.each([
  ['', 'is empty'],
  [undefined, 'is missing'],
  [null, 'is null'],
  [' a', 'begins with white space'],
  ['a ', 'ends with white space'],
  ['a\n', 'ends with white space'],
  ['\u00a0a', 'begins with white space'],
  ['a\u3000', 'ends with white space'],
  ['\ufeffa', 'begins with white space'],
  ['a\u200b', 'ends with white space'],
  ['a\tb', 'has the control character U+0009'],
  ['a\u0000b', 'has the control character U+0000'],
  ['a\u0085b', 'has the control character U+0085'],
  ['a\u2028b', 'has the control character U+2028'],
  ['a\ud800b', 'has half of a surrogate pair, which is no character'],
  ['x'.repeat(513), 'is 513 bytes long, 512 is the most'],
  ['\u00e9'.repeat(257), 'is 514 bytes long, 512 is the most'],
  [Number.NaN, 'is not a finite number'],
  [Number.POSITIVE_INFINITY, 'is not a finite number'],
  [2 ** 53, 'is a number too large to be exact; write it in quotes'],
  [['a'], 'is a list, not a text, number or true/false'],
  [{}, 'is an object, not a text, number or true/false'],
])('%j is refused as an identity value: two spellings of it would look alike', (raw, problem) => {
  expect(normaliseValue(raw)).toEqual({ ok: false, problem });
});

test('length counts in composed form: 256 e-acute are 512 bytes however they are written', () => {
  const decomposed = 'e\u0301'.repeat(256);
  expect(normaliseValue(decomposed)).toEqual({ ok: true, value: '\u00e9'.repeat(256) });
});

test.each([
  ['soft\u00adhyphen', 'the invisible character U+00AD'],
  ['a\u200bb', 'the invisible character U+200B'],
  ['a\u202eb', 'the invisible character U+202E'],
  ['a\u2060b', 'the invisible character U+2060'],
  ['a\ufeffb', 'the invisible character U+FEFF'],
  ['word\u200d', 'the invisible character U+200D'],
  ['\u200dword', 'the invisible character U+200D'],
  ['a \u200cb', 'the invisible character U+200C'],
  ['a-\u200db', 'the invisible character U+200D'],
  ['a\u200d\u200db', 'the invisible character U+200D'],
  ['a\u{e0041}b', 'the invisible character U+E0041'],
  ['\u05d0\u200f', 'the invisible character U+200F'],
  ['\u{1f469}\u200d', 'the invisible character U+200D'],
])('%j is taken as it is, and what nobody sees in it is told', (raw, invisible) => {
  expect(normaliseValue(raw)).toEqual({ ok: true, value: raw });
  expect(invisibleIn(raw)).toBe(invisible);
});

test('inner white space and every script are fine', () => {
  for (const text of [
    'a b',
    '\u65e5\u672c\u8a9e',
    'x \u{1f600}',
    '\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645', // a joiner inside a word
    '\u0d05\u0d35\u0d28\u0d4d\u200d', // one that shapes the end of a word
    '\u0d05\u0d35\u0d28\u0d4d\u200d \u0d15\u0d23\u0d4d\u200d, \u0d15',
    '\u{1f469}\u{1f3fd}\u200d\u{1f4bb}', // one emoji of several
    '\u2764\ufe0f\u200d\u{1f525}',
    '\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}', // a flag
    '\u8fbb\u{e0100}', // the form of a name
    'Quoi\u00a0?',
    '\u0600\u0661', // shows, though it is a format character
  ]) {
    expect(normaliseValue(text)).toMatchObject({ ok: true });
    expect(invisibleIn(text)).toBeUndefined();
  }
});

test('a refused value names its field', () => {
  expect(() => jobKey({ site: 'a', slug: ' b' })).toThrow('identity field "slug" begins with white space');
});

test('encoding leaves no bare colon', () => {
  fc.assert(fc.property(awkward, (text) => !encodeValue(text).includes(':')));
});

test('fingerprints ignore the order of fields and the Unicode form, and nothing else', () => {
  const json = fc.dictionary(awkward, fc.jsonValue({ maxDepth: 3 }), {
    maxKeys: 6,
  }) as fc.Arbitrary<JsonObject>;
  const reversed = (object: JsonObject) => Object.fromEntries(Object.entries(object).reverse());
  fc.assert(
    fc.property(json, (input) => {
      const identity = { slug: 'caf\u00e9', site: 'blog' };
      const other = { site: 'blog', slug: 'cafe\u0301' };
      expect(fingerprint({ identity: other, input: reversed(input) })).toBe(fingerprint({ identity, input }));
      expect(fingerprint({ identity, input: { ...input, 'a new field': 1 } })).not.toBe(
        fingerprint({ identity, input }),
      );
    }),
  );
});

test('canonical JSON of well-formed NFC JSON is JSON of the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'grapheme-ascii' }), (json) => {
      const text = canonicalJson(json);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(json)));
    }),
  );
});

test('an undefined field is an absent field; in a list it keeps its place', () => {
  expect(canonicalJson({ b: undefined, a: 1 })).toBe('{"a":1}');
  expect(canonicalJson([1, undefined, 2])).toBe('[1,null,2]');
  expect(() => canonicalJson(Number.NaN)).toThrow(RangeError);
});

test('a field named __proto__ counts in the fingerprint like any other', () => {
  const input = JSON.parse('{"__proto__": {"a": 1}}') as JsonObject;
  expect(canonicalJson(input)).toBe('{"__proto__":{"a":1}}');
});

test('Workflow IDs round-trip, stay under 255 bytes, and are never taken for one another', () => {
  const shardNumber = fc.nat({ max: 9_999_999_999 });
  fc.assert(
    fc.property(name, hexKey, shardNumber, (batch, key, shard) => {
      const batchId = batchWorkflowId({ name: batch, batchKey: key });
      const shardId = shardWorkflowId({ name: batch, batchKey: key, shard });
      const jobId = jobWorkflowId({ work: batch, jobKey: key });
      expect(parseBatchWorkflowId(batchId)).toEqual({ name: batch, batchKey: key });
      expect(parseShardWorkflowId(shardId)).toEqual({ name: batch, batchKey: key, shard });
      expect(parseJobWorkflowId(jobId)).toEqual({ work: batch, jobKey: key });
      expect([batchId, shardId, jobId].map(batchNameOf)).toEqual([batch, batch, undefined]);
      for (const id of [batchId, shardId, jobId]) {
        const parses = [parseBatchWorkflowId, parseShardWorkflowId, parseJobWorkflowId].filter((p) => p(id));
        expect(parses).toHaveLength(1);
        expect(Buffer.byteLength(id)).toBeLessThan(255);
      }
    }),
  );
});

test('the longest Workflow ID is 120 bytes', () => {
  const id = shardWorkflowId({ name: 'n'.repeat(64), batchKey: 'f'.repeat(32), shard: 9_999_999_999 });
  expect(Buffer.byteLength(id)).toBe(120);
});

test('a name is good for a Workflow ID exactly when the batch file accepts it', () => {
  const text = fc.oneof(name, fc.string(), fc.constantFrom('', '-a', 'a:b', 'A', 'a\n', 'a'.repeat(65)));
  fc.assert(
    fc.property(text, hexKey, (candidate, key) => {
      const make = () => jobWorkflowId({ work: candidate, jobKey: key });
      if (nameSchema.safeParse(candidate).success) expect(make).not.toThrow();
      else expect(make).toThrow(RangeError);
    }),
  );
});

test.each([
  '',
  'job:article:abc',
  'batch:a:b',
  'batch:a:' + 'f'.repeat(32) + ':shard:01',
  'JOB:a:' + 'f'.repeat(32),
])('%j is no Workflow ID of ours', (id) => {
  expect(parseBatchWorkflowId(id) ?? parseShardWorkflowId(id) ?? parseJobWorkflowId(id)).toBeUndefined();
});
