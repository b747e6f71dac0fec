/** Templates and secrets: same job, same text; nothing but the job comes in, and no secret goes out by itself. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fillArtifact, namesArtifact } from '../../src/batch/artifact-mark.js';
import { effectsOf } from '../../src/batch/effects.js';
import {
  malformedReference,
  resolveSecrets,
  resolveSecretsIn,
  secretNames,
} from '../../src/batch/secrets.js';
import { checkTemplate, renderTemplate, templateScope } from '../../src/batch/template.js';
import type { Definition } from '../../src/contract/batch-file.js';
import { AdapterError } from '../../src/contract/errors.js';
import type { Job } from '../../src/contract/job.js';
import type { JsonObject } from '../../src/contract/json.js';
import { fingerprint } from '../../src/identity/fingerprint.js';
import { effectKey, jobKey } from '../../src/identity/keys.js';

function aJob(input: JsonObject = {}, slug = 'one'): Job {
  const identity = { site: 'blog', slug };
  return {
    key: jobKey(identity),
    identity,
    input,
    revision: 1,
    fingerprint: fingerprint({ identity, input }),
  };
}

const fill = (template: string, input: JsonObject = {}) =>
  renderTemplate(template, templateScope({ work: 'article', job: aJob(input), effectKey: 'e'.repeat(32) }));

function errorOf(run: () => unknown): AdapterError {
  try {
    run();
  } catch (error) {
    if (error instanceof AdapterError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

test.each<[string, string]>([
  ['{{ site }}/{{ slug }}', 'blog/one'],
  ['{{ identity.slug }} {{ input.title }} {{ title }}', 'one A Title A Title'],
  ['{{ work }} {{ revision }} {{ key }}', `article 1 ${aJob().key}`],
  ['{{ effect.key }}', 'e'.repeat(32)],
  ['{{ meta.words }}', '300'],
  ['{{ title | downcase | replace: " ", "-" }}', 'a-title'],
  ['{{ tags | join: ", " }}', 'x, y'],
  ['{{ tags | json }}', '["x","y"]'],
  ['{{ subtitle | default: "none" }}', 'none'],
  ['{% if subtitle %}yes{% else %}no{% endif %}', 'no'],
  ['{% for tag in tags %}[{{ tag }}]{% endfor %}', '[x][y]'],
  ['{% assign t = title %}{{ t }}{% capture c %}!{% endcapture %}{{ c }}', 'A Title!'],
  ['{% raw %}{{ not this }}{% endraw %}', '{{ not this }}'],
  ['plain ${env:KEY} text', 'plain ${env:KEY} text'],
])('%s is filled in', (template, text) => {
  expect(fill(template, { title: 'A Title', meta: { words: 300 }, tags: ['x', 'y'] })).toBe(text);
});

test('a name that the job lacks stops the effect, and the message says which', () => {
  const error = errorOf(() => fill('./{{ sluq }}'));
  expect(error.errorClass).toBe('invalid');
  expect(error.message).toBe('template "./{{ sluq }}" names "sluq", which this job does not have');
  expect(errorOf(() => fill('{{ meta.x }}', { meta: {} })).message).toContain('names "meta.x"');
});

test.each(['constructor', '__proto__', 'toString', 'site.constructor', 'meta.constructor', 'meta.__proto__'])(
  '%s is no field: prototypes are out of reach',
  (name) => {
    expect(errorOf(() => fill(`{{ ${name} }}`, { meta: {} })).errorClass).toBe('invalid');
  },
);

test.each([
  '{{ "now" | date: "%s" }}',
  '{{ "a" | sha256 }}',
  '{{ tags | where: "x" }}',
  '{{ tags | sample }}',
])('%s: a filter that reads the clock, chance or more than it is given does not exist', (template) => {
  expect(checkTemplate(template)).toMatchObject({
    ok: false,
    problem: expect.stringContaining('the filter') as string,
  });
});

test.each([
  'include "x"',
  'render "x"',
  'layout "x"',
  'block x',
  'increment x',
  'cycle "a"',
  'tablerow x in y',
  'liquid x',
])('{%% %s %%}: a tag that reads files or keeps state does not exist', (tag) => {
  expect(checkTemplate(`{% ${tag} %}`)).toMatchObject({
    ok: false,
    problem: expect.stringContaining('the tag') as string,
  });
});

test.each(['{{ now }}', '{{ today }}'])('%s is not the time', (template) => {
  expect(errorOf(() => fill(template)).errorClass).toBe('invalid');
});

test('a list or an object has no one text', () => {
  expect(errorOf(() => fill('{{ tags }}', { tags: ['a'] })).message).toMatch(
    /fills in a list; write "\| join"/,
  );
  expect(errorOf(() => fill('{{ meta }}', { meta: {} })).message).toMatch(/fills in an object/);
});

test("a template that would fill the worker's memory ends as an error", () => {
  expect(errorOf(() => fill('{% for i in (1..100000000) %}x{% endfor %}')).errorClass).toBe('invalid');
  const doubling = '{% assign s = "x" %}{% for i in (1..60) %}{% assign s = s | append: s %}{% endfor %}';
  expect(errorOf(() => fill(doubling)).message).toContain('limit exceeded');
});

test('the names that a template uses are known before it is filled in', () => {
  const template =
    '{{ a.b }}{% assign l = c %}{{ l }}{% for i in d %}{{ i.x }}{{ forloop.index }}{% endfor %}{{ e[f] }}';
  expect(checkTemplate(template)).toEqual({ ok: true, names: [['a', 'b'], ['c'], ['d'], ['e'], ['f']] });
  expect(checkTemplate('x\n  {{ a')).toMatchObject({ ok: false, line: 2, column: 3 });
});

test('what a job says is text, never a template', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(fill('<{{ title }}>', { title: text })).toBe(`<${text}>`);
    }),
  );
  expect(fill('{{ title }}', { title: '{{ key }}{% include "x" %}' })).toBe('{{ key }}{% include "x" %}');
});

const definition = (effects: Definition['effects']) => ({ work: 'article', effects });
const post = { name: 'post', use: 'folder', target: './{{ site }}', with: {}, onUnknown: 'hold' } as const;

test('effects: the key is made from the filled-in target and is offered to `with`, deep inside', () => {
  const job = aJob({ title: 'A' });
  const options = {
    path: '{{ slug }}.md',
    headers: { id: ['{{ effect.key }}', 7, null, true] },
    '{{ slug }}': 'x',
  };
  const key = effectKey({ work: 'article', jobKey: job.key, name: 'post', target: './blog' });
  expect(effectsOf(definition([{ ...post, with: options }]), job)).toEqual([
    {
      key,
      name: 'post',
      use: 'folder',
      target: './blog',
      with: { path: 'one.md', headers: { id: [key, 7, null, true] }, '{{ slug }}': 'x' },
      onUnknown: 'hold',
    },
  ]);
});

test('effects: a higher revision or other input leaves the key as it is', () => {
  const keys = [aJob(), { ...aJob({ title: 'B' }), revision: 2 }].map(
    (job) => effectsOf(definition([post]), job)[0]?.key,
  );
  expect(keys[0]).toBe(keys[1]);
});

test('effects: a target is one in both Unicode spellings, and white space around it does not count', () => {
  const targets = ['./caf\u00e9', ' ./cafe\u0301 '].map(
    (target) => effectsOf(definition([{ ...post, target }]), aJob())[0],
  );
  expect(targets[0]?.target).toBe('./caf\u00e9');
  expect(targets[1]).toEqual(targets[0]);
});

test.each([
  [
    '{{ title }}',
    { title: '  ' },
    'target "" of template "{{ title }}" is empty [effect=post, job=blog / one]',
  ],
  ['{{ title }}', { title: 'a\nb' }, 'target "a\\nb" has a control character [effect=post, job=blog / one]'],
  [
    '{{ title }}',
    { title: '${env:KEY}' },
    'target "${env:KEY}" names a secret, which a target may not [effect=post, job=blog / one]',
  ],
])('effects: target %s of %j is refused', (target, input, message) => {
  const error = errorOf(() => effectsOf(definition([{ ...post, target }]), aJob(input)));
  expect(error).toMatchObject({ errorClass: 'invalid', message });
});

test('two effects of the same place and options are two effects when their names differ', () => {
  const keys = effectsOf(definition([post, { ...post, name: 'copy' }]), aJob()).map(({ key }) => key);
  expect(new Set(keys).size).toBe(2);
});

test("a secret of the batch file stays a reference; a job can't name one", () => {
  const withSecret = { ...post, with: { auth: 'Bearer ${env:TOKEN} for {{ title }}' } };
  expect(effectsOf(definition([withSecret]), aJob({ title: 'A' }))[0]?.with).toEqual({
    auth: 'Bearer ${env:TOKEN} for A',
  });
  for (const title of ['${env:TOKEN}', '${env:OTHER}', '\ufdd0OTHER\ufdd1']) {
    expect(errorOf(() => effectsOf(definition([withSecret]), aJob({ title }))).errorClass).toBe('invalid');
  }
  const pieces = { ...post, with: { body: '{{ a }}{{ b }}' } };
  expect(errorOf(() => effectsOf(definition([pieces]), aJob({ a: '${en', b: 'v:TOKEN}' }))).errorClass).toBe(
    'invalid',
  );
});

test('the artifact is named in options before there is one, and filled in as it is', () => {
  const body = { content: 'Title\n{{ artifact }}', list: ['{{- artifact -}}'] };
  const [effect] = effectsOf(definition([{ ...post, with: body }]), aJob());
  const artifact = 'a "quoted" ${env:TOKEN} {{ title }} $& text';
  expect(namesArtifact(effect?.with ?? {})).toBe(true);
  expect(fillArtifact(effect?.with ?? {}, artifact)).toEqual({
    content: `Title\n${artifact}`,
    list: [artifact],
  });
  const sly = { ...post, with: { content: '{{ title }}' } };
  expect(errorOf(() => effectsOf(definition([sly]), aJob({ title: '\ufdd2' }))).errorClass).toBe('invalid');
});

test('the host of an URL is the batch file’s to say, or is among those that the effect lists', () => {
  const with_ = (url: string, hosts?: string[]) =>
    effectsOf(
      definition([{ ...post, with: { lookup: { url } }, ...(hosts && { hosts }) }]),
      aJob({ host: 'a.example', query: 'x?host=c.example' }),
    );
  for (const url of [
    'https://b.example/{{ slug }}',
    'https://b.example?x={{ slug }}',
    '${env:URL}/{{ slug }}',
  ]) {
    expect(with_(url)).toHaveLength(1);
  }
  for (const url of [
    'https://{{ host }}/x',
    '{{ host }}',
    'https://b.example{{ slug }}',
    'https://b.example@{{ host }}/',
    '${env:URL}{{ slug }}',
  ]) {
    expect(errorOf(() => with_(url)).message).toMatch(/host of url comes from the job/);
  }
  expect(errorOf(() => with_('https://b.example/{{ query }}')).message).toMatch(/adds a query to url/);
  expect(with_('https://{{ host }}/x', ['a.example'])).toHaveLength(1);
  expect(with_('https://x.{{ host }}/x', ['*.a.example'])).toHaveLength(1);
  expect(errorOf(() => with_('https://{{ host }}/x', ['*.a.example'])).errorClass).toBe('invalid');
  expect(
    errorOf(() => effectsOf(definition([{ ...post, target: 'https://{{ site }}/r.git' }]), aJob())).message,
  ).toMatch(/host of target/);
});

test('secrets: references are resolved once, and nothing else is', () => {
  const env = { A: '1', B: '${env:A}' };
  expect(resolveSecrets('${env:A} ${env:B} $A ${A} {{ a }}', env)).toBe('1 ${env:A} $A ${A} {{ a }}');
  expect(resolveSecretsIn({ a: ['${env:A}', 1], '${env:A}': null }, env)).toEqual({
    a: ['1', 1],
    '${env:A}': null,
  });
});

test('secrets: a variable that is missing or empty is a matter of configuration, and is named', () => {
  for (const name of ['MISSING', 'EMPTY', 'constructor']) {
    const error = errorOf(() => resolveSecrets(`x \${env:${name}}`, { EMPTY: '' }));
    expect(error.errorClass).toBe('config');
    expect(error.message).toContain(`the environment variable ${name} is not set`);
  }
});

test('secrets: names are listed from anywhere in a value', () => {
  expect(
    secretNames({ b: '${env:B}${env:A}', list: [{ deep: 'x ${env:B}' }, 3], '${env:KEY}': null }),
  ).toEqual(['A', 'B']);
});

test('secrets: what begins like a reference and is none is found', () => {
  expect(malformedReference('${env:A} ${env:A B}')).toBe('"${env:A B}"');
  expect(malformedReference('${env:}')).toBe('"${env:}"');
  expect(malformedReference('${env:A')).toBe('"${env:A"');
  expect(malformedReference('${env:A}${env:B} $env:C')).toBeUndefined();
});

test('secrets: all are found whatever was looked through before, or one of them would not be redacted', () => {
  malformedReference('a long text that ends with ${env:B}');
  expect(secretNames('${env:A}')).toEqual(['A']);
});
