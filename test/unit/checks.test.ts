// What each check of a text lets through and what it says of the rest.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkSchema } from '../../src/contract/checks.js';
import { findings, problems } from './checks-fixture.js';

describe('words', () => {
  test('an empty artifact never goes out, whether or not a check asks', async () => {
    expect(await problems('', [])).toEqual(['the artifact is empty']);
    for (const nothing of [' \n\t', '\u200b', '\ufeff \u200d\n'])
      expect(await problems(nothing, [{ notEmpty: true }])).toEqual(['the artifact is empty']);
  });

  test.each([
    '&nbsp;\n\n<br><br/>\n',
    '\u3164 \u2800\ufe0f',
    '<!-- the whole article, which nobody gets to see -->',
    '<div hidden>not shown</div><script>let a;</script>',
    '---\ntitle: Tides\n---\n\n<p></p>',
    '[a]: https://example.com/ "a definition that nothing refers to"',
  ])('what shows nothing is empty: %j', async (text) => {
    expect(await problems(text, [])).toEqual(['the artifact is empty']);
  });

  test.each([
    ['![](tides.png)', undefined],
    ['<img src="tides.png">', undefined],
    ['`<!--` opens a comment', 'text/markdown'],
    ['```html\n<!-- shown -->\n```', 'text/markdown'],
    ['<br>', 'text/plain'],
    ['{"a":"&nbsp;"}', 'application/json'],
    ['[{}]', undefined],
  ])('what shows something is not: %j', async (text, mime) => {
    expect(await problems(text, [], mime === undefined ? {} : { mime })).toEqual([]);
  });

  test('words are counted where a reader sees them', async () => {
    const hidden = `---\ntitle: a b c d e f\n---\n<!-- ${'unseen '.repeat(400)}-->\n\n# One\n\n<b class="x y z">two</b> | \u2800 [three](https://example.com/ "a b c")\n\n    four()\n`;
    expect(await problems(hidden, [{ minWords: 6 }])).toEqual(['it has 5 words, at least 6 are asked for']);
    expect(await problems(hidden, [{ maxWords: 5 }])).toEqual([]);
    const page = `<!doctype html><html><head><title>a b c</title></head><body><p>one</p><p>two</p></body></html>`;
    expect(await problems(page, [{ minWords: 3 }])).toHaveLength(1);
    expect(await problems('<b> <i> <u>', [{ minWords: 3 }], { mime: 'text/plain' })).toEqual([]);
  });

  test('each failed check says what was found and what is asked for', async () => {
    expect(await problems('one two', [{ minWords: 3 }])).toEqual([
      'it has 2 words, at least 3 are asked for',
    ]);
    const all = [{ maxWords: 1 }, { contains: 'three' }, { notContains: 'two' }];
    expect(await problems('one two', all)).toHaveLength(3);
    expect(await problems('one two three', [{ minWords: 3 }, { notEmpty: true }])).toEqual([]);
  });

  test('what is not text fails every check on text, and only those', async () => {
    const binary = Uint8Array.from([0xff, 0xfe, 0x00, 0x80]);
    expect(await problems(binary, [{ minWords: 1 }])).toHaveLength(1);
    expect(await problems(binary, [{ headings: ['Sources'] }, { notTruncated: true }])).toHaveLength(2);
    expect(await problems(binary, [{ notEmpty: true }])).toEqual([]);
  });

  test('a report of very many problems is cut', async () => {
    const checks = Array.from({ length: 50 }, (_, n) => ({ contains: `word ${n}` }));
    const found = await problems('text', checks);
    expect(found).toHaveLength(21);
    expect(found.at(-1)).toBe('and 30 more');
  });
});

describe('characters that nobody sees', () => {
  test('overrides and control characters never go out, whether or not a check asks, and the problem says where', async () => {
    expect(await problems('# Tides\n\nPay \u202e0001\u202c EUR.\n', [])).toEqual([
      'the artifact has a character that turns the direction of what follows: U+202E on line 3, column 5',
    ]);
    expect(await problems('one\u0000 \u001b[2Jtwo\u0085', [{ notEmpty: true }])).toEqual([
      'the artifact has a control character: U+0000 on line 1, column 4',
    ]);
    expect(await problems('words \u202d', [{ minWords: 9 }])).toHaveLength(2);
    expect(await problems('{"a":"\u202e"}', [], { mime: 'application/json' })).toHaveLength(1);
    expect(await problems('a\u0007', [], { mime: 'application/octet-stream' })).toHaveLength(1);
  });

  test('text that is written from right to left passes, its embeddings closed in their own line', async () => {
    for (const text of [
      '\u200fשלום, \u2066nightshift 2\u2069!\nסוף.',
      'The name \u202bנגה\u202c and \u2067\u202aone in the other\u2069 end.',
      'a\tb\r\n\fc\u00a0d \u200d\ufeff',
    ])
      expect(await problems(text, [])).toEqual([]);
    for (const [text, found] of [
      ['ends \u2067here\nwith \u202aanother\u202c', 'U+2067 on line 1, column 6'],
      ['\u2066a\u2069\nends \u2066\u202bhere\u202c', 'U+2066 on line 2, column 6'],
      ['\u202b\u2066a\u202c\u2069', 'U+202B on line 1, column 1'],
    ])
      expect(await problems(text ?? '', [])).toEqual([
        `the artifact has a character that turns the direction of what follows: ${found}`,
      ]);
  });

  test('they pass where the batch says so, and in what is no text', async () => {
    expect(await problems('\u001b[1mbold\u001b[0m \u202e', [{ characters: 'any' }])).toEqual([]);
    expect(await problems('%PDF-1.7 \u0000', [], { mime: 'application/pdf' })).toEqual([]);
    for (const mime of [
      'image/png',
      'video/mp4',
      'application/zip',
      'application/epub+zip',
      'application/x-tar',
    ])
      expect(await problems('a\u0000', [], { mime })).toEqual([]);
    expect(await problems(Uint8Array.from([0xff, 0x00, 0x1b]), [])).toEqual([]);
    for (const mime of [
      'text/markdown; charset=utf-8',
      'image/svg+xml',
      'application/x-yaml',
      'application/x-own',
      'message/rfc822',
      'made up',
    ])
      expect(await problems('a\u0000', [], { mime })).toHaveLength(1);
  });
});

describe('headings', () => {
  const text =
    '---\ntitle: Sources\n---\n# Tides\n\nText.\n\n## *Open* questions\n\n```\n## Sources\n```\n\nMethod\n------\n';

  test('are those of the document, not those in front matter or listings', async () => {
    expect(await problems(text, [{ headings: ['Tides', 'open  QUESTIONS', '## Method'] }])).toEqual([]);
    expect(await problems(text, [{ headings: ['Sources'] }])).toEqual(['it has no heading "Sources"']);
  });

  test('have the level that is asked for', async () => {
    expect(await problems(text, [{ headings: ['# Method'] }])).toEqual(['it has no heading "# Method"']);
  });

  test('have an order only where it is asked for', async () => {
    const required = ['Method', 'Tides'];
    expect(await problems(text, [{ headings: { required } }])).toEqual([]);
    expect(await problems(text, [{ headings: { required, ordered: true } }])).toEqual([
      'the heading "Tides" is not in its place',
    ]);
  });

  test('are read from HTML too', async () => {
    const page = '<!doctype html><html><body><h2>Sources</h2></body></html>';
    expect(await problems(page, [{ headings: ['## Sources'] }])).toEqual([]);
    expect(await problems(page, [{ headings: ['Method'] }])).toHaveLength(1);
  });

  test('of a text made to be slow to parse are a problem of the artifact, not of the night', async () => {
    const found = await problems('>'.repeat(5000) + ' x', [{ headings: ['Sources'] }]);
    expect(found).toHaveLength(1);
  });
});

describe('front matter', () => {
  const check = { frontMatter: { required: ['title', 'date'] } };

  test('has the required fields, none of them empty', async () => {
    expect(await problems('---\ntitle: Tides\ndate: 2026-11-23\n---\nText.', [check])).toEqual([]);
    expect(await problems('---\r\ntitle: " "\r\n---\r\nText.', [check])).toEqual([
      'its front matter has an empty "title"',
      'its front matter has no "date"',
    ]);
    expect(await problems('---\ntitle: {}\ndate: []\n---\nText.', [check])).toEqual([
      'its front matter has an empty "title"',
      'its front matter has an empty "date"',
    ]);
  });

  test.each([
    ['is missing', 'Text.', 'it has no front matter'],
    ['comes after the text began', 'Text.\n---\ntitle: x\n---\n', 'it has no front matter'],
    ['is not closed', '---\ntitle: x\n', 'it has no front matter'],
    ['is a list', '---\n- x\n---\nText.', 'its front matter holds no fields'],
  ])('that %s is said so', async (_, text, expected) => {
    expect(await problems(text, [check])).toEqual([expected]);
  });

  test('that is no YAML is quoted safely', async () => {
    const [found = ''] = await problems('---\ntitle: [\u001b[31m\n---\nText.', [
      check,
      { characters: 'any' },
    ]);
    expect(found).toMatch(/^its front matter is no YAML: "/);
    expect(found).not.toContain('\u001b');
  });

  test('with aliases that grow without end is refused', async () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (const [one, next] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg'].map((pair) => [...pair]))
      bomb.push(`${next}: &${next} [${Array(9).fill(`*${one}`).join(',')}]`);
    expect(await problems(`---\n${bomb.join('\n')}\n---\nText.`, [{ frontMatter: {} }])).toHaveLength(1);
  });

  test.each(['[', '{', '- ', '? '])(
    'nested without end by %j is refused before a parser follows it',
    async (mark) => {
      const found = await problems(`---\na:\n ${mark.repeat(30_000)}\n---\nText.`, [{ frontMatter: {} }]);
      expect(found).toEqual(['its front matter is nested too deeply']);
    },
  );

  test.each(['a: 1\nb: 2\na: 3', 'a: {b: 1, b: 2}'])('that has a key twice is refused: %j', async (yaml) => {
    expect(await problems(`---\n${yaml}\n---\nText.`, [{ frontMatter: {} }])).toEqual([
      expect.stringMatching(/^its front matter is no YAML: "the key [ab] stands there twice"$/),
    ]);
  });

  test('is held against a schema', async () => {
    const schema = {
      type: 'object',
      properties: { tags: { type: 'array', minItems: 1 } },
      required: ['tags'],
    };
    expect(await problems('---\ntags: [sea]\n---\nText.', [{ frontMatter: { schema } }])).toEqual([]);
    expect(await problems('---\ntags: []\n---\nText.', [{ frontMatter: { schema } }])).toEqual([
      expect.stringMatching(/^its front matter does not fit its schema at "tags": /),
    ]);
  });
});

describe('JSON Schema', () => {
  const schema = {
    type: 'object',
    properties: { title: { type: 'string', minLength: 3 }, price: { type: 'number', minimum: 0 } },
    required: ['title'],
    additionalProperties: false,
  };

  test('says where the artifact does not fit', async () => {
    expect(await problems('{"title":"Tides","price":3}', [{ jsonSchema: schema }])).toEqual([]);
    expect(await problems('{"title":"Tides","price":-1}', [{ jsonSchema: schema }])).toEqual([
      expect.stringMatching(/^it does not fit its schema at "price": /),
    ]);
    expect(await problems('{"title":"Tides","ex\\u001b":1}', [{ jsonSchema: schema }])).toEqual([
      'it does not fit its schema: must NOT have additional properties: "ex\\u001b"',
    ]);
    expect(await problems('no JSON', [{ jsonSchema: schema }])).toEqual([
      expect.stringMatching(/^it is no JSON: /),
    ]);
  });

  test('is read from a file beside the batch file', async () => {
    const baseDir = await mkdtemp(join(tmpdir(), 'nightshift-checks-'));
    onTestFinished(() => rm(baseDir, { recursive: true }));
    await writeFile(join(baseDir, 'schema.json'), JSON.stringify(schema));
    const check = [{ jsonSchema: './schema.json' }];
    expect(await problems('{"title":"Tides"}', check, { baseDir })).toEqual([]);
    expect(await problems('{}', check, { baseDir })).toHaveLength(1);
  });

  test.each([
    ['a file that is not there', './none.json'],
    ['a draft that is not known', { $schema: 'http://json-schema.org/draft-04/schema#', type: 'string' }],
    ['a schema that would not answer at once', { $async: true, type: 'string' }],
    ['a reference to elsewhere', { $ref: 'https://schema.invalid/x.json' }],
  ])('%s stops the check, and is no fault of the artifact', async (_, jsonSchema) => {
    await expect(problems('{}', [{ jsonSchema }])).rejects.toMatchObject({
      errorClass: 'config',
      facts: { sent: 'no' },
    });
  });

  test.each([
    [{ type: 'array', minItems: 1 }, '[]'],
    [{ type: 'object', properties: { a: { type: 'number', default: 1 } }, required: ['a'] }, '{}'],
    [{ type: ['string', 'null'] }, '1'],
    [{ oneOf: [{ type: 'string' }, { type: 'string', minLength: 1 }] }, '"abc"'],
    [{ type: 'object', not: { required: ['draft'] } }, '{"draft":true}'],
    [
      {
        type: 'object',
        if: { properties: { kind: { const: 'offer' } }, required: ['kind'] },
        then: { required: ['price'] },
      },
      '{"kind":"offer"}',
    ],
    [{ type: 'object', allOf: [{ properties: { a: {} } }], unevaluatedProperties: false }, '{"a":1,"b":2}'],
    [{ type: 'object', required: ['a'] }, '{}'],
    [{ type: 'string', enum: ['a', 'bb'], minLength: 2 }, '"a"'],
    [{ type: 'object', dependentRequired: { a: ['b'] } }, '{"a":1}'],
    [{ type: 'string', format: 'date' }, '"yesterday"'],
    [
      {
        $schema: 'http://json-schema.org/draft-07/schema#',
        type: 'array',
        items: [{ type: 'string' }],
        additionalItems: false,
      },
      '["a","b"]',
    ],
    [
      { type: 'array', items: { type: 'object', properties: { a: { type: 'array', maxItems: 0 } } } },
      '[{"a":[1]}]',
    ],
  ])('%j refuses %s', async (jsonSchema, text) => {
    expect(await problems(text, [{ jsonSchema }])).toHaveLength(1);
  });

  test.each([
    [{ required: ['a'] }, 'type'],
    [{ type: 'object', properties: { a: { minimum: 3 } } }, 'missing type "number" for keyword "minimum"'],
    [{ type: 'object', properties: { a: { type: 'string', minLenght: 3 } } }, 'unknown keyword: "minLenght"'],
    [{ type: 'string', format: 'colour' }, 'unknown format "colour"'],
    [{ type: 'array', items: [{ type: 'string' }] }, 'items must be object,boolean'],
  ])('%j has a rule that would do nothing, and is refused', async (jsonSchema, said) => {
    await expect(problems('{}', [{ jsonSchema }])).rejects.toMatchObject({
      errorClass: 'config',
      message: expect.stringContaining(said) as unknown,
    });
  });

  test('is no match for a value nested without end', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const tree = { $defs: { t: { type: 'array', items: { $ref: '#/$defs/t' } } }, $ref: '#/$defs/t' };
    expect(await problems(deep, [{ jsonSchema: tree }])).toHaveLength(1);
  });
});

describe('placeholder text', () => {
  const check = [{ noPlaceholders: true }];

  test.each([
    'A TODO stands here.',
    'Lorem ipsum dolor sit amet.',
    'By [insert name], today.',
    'Dear [Your Name], hello.',
    'Costs [price here] a year.',
    'Hello {{ name }}.',
    'As an AI language model, I can not know.',
    'Use the key YOUR_API_KEY_HERE.',
    '[Read on](https://YOUR-DOMAIN-HERE/).',
    '---\ntitle: "[Insert title here]"\n---\nText.',
    '---\nauthors: [{ name: TODO }]\n---\nText.',
    '---\ntitle: [\n summary: TBD\n---\nText.',
    '![TODO: describe it](tides.png)',
    '<abbr title="lorem ipsum">HW</abbr>',
  ])('%s', async (text) => {
    expect(await problems(text, check)).toEqual([expect.stringMatching(/^it still has placeholder text: "/)]);
  });

  test.each([
    'Write `{{ name }}` where the name goes.',
    '```yaml\npath: "{{ slug }}.md" # TODO\nkey: YOUR_API_KEY_HERE\n```\n\nThat is all.',
    '---\ntags: [your money, here]\n# TODO: more tags\n---\nText.',
    'See [your options](https://example.com/options) and [here](#here).',
    'A todo list for models of AI, as an assistant would write it.',
    'Footnotes[^1] are fine.\n\n[^1]: Indeed.',
  ])('passes: %s', async (text) => {
    expect(await problems(text, check)).toEqual([]);
  });
});

test('hostile text in a problem is quoted, escaped and cut', async () => {
  const [found = ''] = await problems(`[insert \u001b]0;x\u0007\u202e${'y'.repeat(60)}]`, [
    { noPlaceholders: true },
  ]);
  expect(found).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(found.length).toBeLessThan(130);
});

test('a check is an object of one rule', () => {
  for (const wrong of [
    {},
    { notTruncated: false },
    { minWords: 3, maxWords: 4 },
    { use: 'folder' },
    { links: {} },
  ])
    expect(checkSchema.safeParse(wrong).success, JSON.stringify(wrong)).toBe(false);
});

test('what asks others is not run on an artifact that has failed already', async () => {
  const { problems: found } = await findings('short', [{ use: './none.ts' }, { minWords: 3 }]);
  expect(found).toEqual(['it has 1 words, at least 3 are asked for']);
});
