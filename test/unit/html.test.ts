/** Artifacts as HTML: what is shown, what is gone, what may not be named. */
import fc from 'fast-check';
import { defaultSchema } from 'rehype-sanitize';
import { describe, expect, test } from 'vitest';
import { toHtml, type HtmlOptions } from '../../src/activities/publishers/html/to-html.js';
import { textOf } from '../../src/activities/publishers/html/text-of.js';
import { AdapterError } from '../../src/contract/errors.js';
import { rounds } from '../support/rounds.js';

const markdown = (text: string, more: Partial<HtmlOptions> = {}) =>
  toHtml(text, { format: 'markdown', sanitise: true, ...more });
const html = (text: string, more: Partial<HtmlOptions> = {}) =>
  toHtml(text, { format: 'html', sanitise: true, ...more });

describe('Markdown', () => {
  test('is GitHub’s: tables, task lists, strikethrough, autolinks, code', async () => {
    const made = await markdown(
      '# A\n\n| a | b |\n|---|:-:|\n| 1 | ~~2~~ |\n\n- [x] done\n\nhttps://example.org\n\n```js\nif (a < b) {}\n```\n',
    );
    for (const part of [
      '<h1>A</h1>',
      '<td align="center"><del>2</del></td>',
      '<input type="checkbox" checked disabled> done',
      '<a href="https://example.org">https://example.org</a>',
      '<code class="language-js">if (a &#x3C; b) {}\n</code>',
    ])
      expect(made).toContain(part);
  });

  test('links of footnotes lead to them, whatever prefix ids get', async () => {
    const made = await markdown('Text[^1].\n\n[^1]: Note.\n');
    const ids = [...made.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    const targets = [...made.matchAll(/ href="#([^"]+)"/g)].map(([, id]) => id);
    expect(targets).toHaveLength(2);
    expect(ids).toEqual(expect.arrayContaining(targets));
    expect(ids.every((id) => id?.startsWith('user-content-'))).toBe(true);
  });

  test('HTML in it is kept as far as it is allowed', async () => {
    expect(
      await markdown('a <kbd>b</kbd> <blink>c</blink>\n\n<details><summary>s</summary>t</details>'),
    ).toBe('<p>a <kbd>b</kbd> c</p>\n<details><summary>s</summary>t</details>');
  });

  test('soft line breaks can become spaces, in code they stay', async () => {
    const text = 'one\ntwo\n\n```\nthree\nfour\n```\n';
    expect(await markdown(text, { softBreaks: 'space' })).toBe(
      '<p>one two</p>\n<pre><code>three\nfour\n</code></pre>',
    );
    expect(await markdown(text)).toContain('one\ntwo');
  });
});

/** Elements that GitHub's schema lets through. */
const SHOWN = defaultSchema.tagNames ?? [];

describe('what is gone', () => {
  const bad = [
    '<script>alert(1)</script>',
    '<ScRiPt src=//x></sCrIpT>',
    '<img src=x onerror=alert(1)>',
    '<svg onload=alert(1)><a xlink:href="javascript:alert(1)">x</a></svg>',
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" java\tscript:alert(1)">x</a>',
    '<a href="&#106;avascript:alert(1)">x</a>',
    '<a href="data:text/html,alert(1)">x</a>',
    '<a href="vbscript:x">x</a>',
    '<iframe src="https://x"></iframe>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<object data="x"></object><embed src="x">',
    '<style>body{background:url(//x)}</style>',
    '<p style="background:url(//x)">x</p>',
    '<form action="//x"><input name=a><button formaction="javascript:alert(1)">x</button></form>',
    '<math><mtext></mtext><mglyph><style><img src=x onerror=alert(1)></style></mglyph></math>',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    '<meta http-equiv=refresh content="0;url=//x"><base href="//x"><link rel=stylesheet href="//x">',
    '<!-- nightshift 0 --><!--[if IE]><script>alert(1)</script><![endif]-->',
    '<template><script>alert(1)</script></template>',
    '<textarea><script>alert(1)</script></textarea>',
    '<xmp><script>alert(1)</script></xmp>',
    '<div tabindex=1 accesskey=x onfocus=alert(1) autofocus>x</div>',
    '<img src="x" srcset="javascript:alert(1) 1x">',
    '<video src=x onerror=alert(1)><source onerror=alert(1)></video>',
  ];
  const active =
    /<\s*(script|style|iframe|object|embed|svg|math|form|meta|base|link|template|textarea|button|video)|<!--|\son\w+\s*=|style=|(href|src)="\s*(java|vb)?(script|data):|accesskey|tabindex/i;

  /** Without what stands in quotes: the value of an attribute is text. */
  /** Without the texts of attributes. In what is serialised, "<" and a letter outside of them begin a tag. */
  const bare = (made: string): string =>
    made.replace(/<\/?[a-z][a-z0-9]*(?:\s+[^\s"=<>/]+(?:="[^"]*")?)*\s*\/?>/gi, (tag) =>
      tag.replace(/ (title|alt|cite|label)="[^"]*"/g, ''),
    );

  test.each(bad)('%s', async (text) => {
    expect(bare(await html(text))).not.toMatch(active);
    expect(bare(await markdown(text))).not.toMatch(active);
    expect(bare(await markdown(`a ${text} b`))).not.toMatch(active);
  });

  test('whatever is put together from such pieces', async () => {
    const piece = fc.oneof(
      fc.constantFrom(...bad),
      fc.constantFrom(
        '<',
        '>',
        '"',
        "'",
        '`',
        '\n\n',
        '](',
        '[x',
        '<p title="',
        '<!--',
        '-->',
        '</',
        '&lt;',
        '|',
      ),
      fc.string({ maxLength: 8 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
        for (const format of ['markdown', 'html'] as const) {
          const made = await toHtml(pieces.join(''), { format, sanitise: true });
          // Read again as a browser would: what is text stays text, and no element is there that was not.
          const tags = new Set([...bare(made).matchAll(/<\/?([a-z0-9]+)/g)].map(([, name]) => name));
          for (const name of tags) expect(SHOWN).toContain(name);
          expect(bare(made)).not.toMatch(/<[a-z][^>]*\son\w+=/i);
          const readAgain = await toHtml(made, { format: 'html', sanitise: false });
          expect(readAgain.match(/<\w+/g)?.sort()).toEqual(made.match(/<\w+/g)?.sort());
        }
      }),
      { numRuns: rounds(60, 600) },
    );
  });

  test('what such elements hold does not stand there as text', async () => {
    const hidden = ['script', 'style', 'iframe', 'noscript', 'template', 'textarea', 'title', 'svg', 'xmp'];
    for (const name of hidden) expect(await html(`a<${name}>rubbish</${name}>b`)).toBe('ab');
  });

  test('ids and names can’t stand for what the page’s scripts mean', async () => {
    expect(await html('<a id="location" name="cookie">x</a>')).toBe(
      '<a id="user-content-location" name="user-content-cookie">x</a>',
    );
  });

  test('control and direction-changing characters; the rest becomes NFC', async () => {
    expect(await markdown('a\u0000\u0007\u202eb\u2066 e\u0301 \ufeff[x](https://e.org "t\u202e")')).toBe(
      '<p>a\ufffdb \u00e9 <a href="https://e.org" title="t">x</a></p>',
    );
  });

  test('nothing of that where the operator trusts the artifact', async () => {
    const text = '<!-- wp:html -->\n<iframe src="https://x.org"></iframe>\n<!-- /wp:html -->';
    expect(await html(text, { sanitise: false })).toBe(text);
  });
});

describe('hosts', () => {
  const hosts = { linkHosts: ['example.org', '*.example.com'], imageHosts: ['img.example.org:8443'] };

  test.each([
    '[a](https://example.org/x)',
    '[a](https://www.example.com/x)',
    '[a](/about)',
    '[a](#top)',
    '[a](mailto:a@b.org)',
    '![a](https://img.example.org:8443/x.png)',
    '![a](/x.png)',
  ])('allowed: %s', async (text) => {
    expect(await markdown(text, hosts)).toBe(await markdown(text));
  });

  test.each([
    '[a](https://evil.org/x)',
    '[a](//evil.org/x)',
    '[a](https://example.org.evil.org/)',
    '[a](https://example.com/x)',
    '[a](https://example.org@evil.org/)',
    '<a href="\\\\evil.org/x">a</a>',
    '<a href="https:evil.org">a</a>',
    '<a href="https://[bad">a</a>',
    '![a](https://evil.org/?q=secret)',
    '![a](https://img.example.org/x.png)',
    '<img alt="a" src="//evil.org/x.png">',
    '<picture><source srcset="https://evil.org/x.png"><img alt="a" src="https://evil.org/y.png"></picture>',
  ])('leaves its text only: %s', async (text) => {
    const made = await markdown(text, hosts);
    expect(made).not.toMatch(/evil|href|src/);
    expect(made).toContain('a');
  });

  test('a set of sources is no way around', async () => {
    const text = '<img alt="a" src="/x.png" srcset="https://evil.org/x.png 2x">';
    for (const sanitise of [true, false])
      expect(await html(text, { ...hosts, sanitise })).toBe('<img alt="a" src="/x.png">');
  });
});

describe('texts made to hurt', () => {
  test.each([
    ['quotes in quotes', '> '.repeat(5000)],
    ['lists in lists', '1. '.repeat(2000)],
    ['emphasis marks', '_*'.repeat(100_000)],
    ['open brackets', '[a]('.repeat(100_000)],
    ['elements in elements', '<b>'.repeat(50_000)],
  ])('%s: refused, not computed for ever', async (_, text) => {
    await expect(markdown(text)).rejects.toMatchObject({ errorClass: 'invalid', facts: { sent: 'no' } });
  });

  test('elements of any name within one another are refused before the stack is too small for them', async () => {
    const deep = `${'<x-a>'.repeat(1001)}text`;
    const refused = {
      errorClass: 'invalid',
      message: expect.stringMatching(/more than 1000 elements/) as string,
    };
    for (const render of [html, markdown]) {
      await expect(render(deep)).rejects.toMatchObject(refused);
      await expect(render('<x-a>'.repeat(900) + 'text')).resolves.toContain('text');
    }
  });

  test.each<[string, (text: string) => Promise<string>, string]>([
    ['types in code', markdown, `\`\`\`ts\n${'const a: Map<K, V> = of<T>();\n'.repeat(1500)}\`\`\``],
    ['types in code on a line', markdown, 'A `List<T>` of `Map<K>`.\n\n'.repeat(1500)],
    ['paragraphs, items and breaks without an end', html, '<p>a<br><ul><li>b<li>c</ul>'.repeat(1500)],
    ['a drawing', html, `<p>a</p><svg>${'<path d="M0 0"/>'.repeat(1500)}</svg>`],
    ['a script', html, `<p>a</p><script>${'if (a<b.c && d>e) f();'.repeat(1500)}</script>`],
    ['comments', html, '<!-- <x-a> -->a'.repeat(1500)],
    ['elements side by side', html, '<x-a>a</x-a>'.repeat(1500)],
  ])('%s: not deep', async (_, render, text) => {
    await expect(render(text)).resolves.toContain('a');
  });

  const PARAGRAPHS = rounds(600, 3000);

  test('a long text for people is fine, and gives the same bytes each time', async () => {
    const text = '## Head\n\nSome *words* and `code_with_marks`, [a link](https://example.org).\n\n'.repeat(
      PARAGRAPHS,
    );
    const made = await markdown(text);
    expect(made.match(/<h2>/g)).toHaveLength(PARAGRAPHS);
    expect(await markdown(text)).toBe(made);
  });

  test('bytes that are no text are refused', () => {
    expect(() => textOf(Uint8Array.of(0xff, 0xfe, 0x00))).toThrow(AdapterError);
  });
});

test('one item with a blank line makes paragraphs of all items of its list, and of no list within', async () => {
  const html = await toHtml('- a\n- b\n\n  c\n- d\n  - e\n  - f\n', { format: 'markdown', sanitise: false });
  expect(html.match(/<p>./g)).toEqual(['<p>a', '<p>b', '<p>c', '<p>d']);
});
