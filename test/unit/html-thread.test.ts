// Artifacts are made into HTML in a thread of the built package. Here are texts that the parser takes minutes for; the
// event loop of this process must go on, and nothing may be sent.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ghostOptionsSchema } from '../../src/activities/publishers/ghost/options.js';
import { ghostPublisher } from '../../src/activities/publishers/ghost/publisher.js';
import { toHtmlInThread } from '../../src/activities/publishers/html/to-html-in-thread.js';
import { toHtml, type HtmlOptions } from '../../src/activities/publishers/html/to-html.js';
import type { Publisher } from '../../src/activities/publishers/publisher.js';
import { resendOptionsSchema } from '../../src/activities/publishers/resend/options.js';
import { resendPublisher } from '../../src/activities/publishers/resend/publisher.js';
import { smtpOptionsSchema } from '../../src/activities/publishers/smtp/options.js';
import { smtpPublisher } from '../../src/activities/publishers/smtp/publisher.js';
import { ThreadPool } from '../../src/threads/thread-pool.js';
import { bodyRequest, context } from './folder-fixture.js';
import { turnsUntil } from './turns.js';
import { Effect, publisherWith } from './wordpress-fixture.js';
import { WordPressStandIn } from './wordpress-stand-in.js';

const QUOTES = '> a\n\n'.repeat(48_000);
const LISTS = '1. a\n   - b\n'.repeat(20_000);
const MARKDOWN: HtmlOptions = { format: 'markdown', sanitise: true };
const { signal } = new AbortController();

describe('in a thread', () => {
  test.each([
    ['quotes', QUOTES],
    ['lists in lists', LISTS],
  ])('%s that take for ever are refused, and the event loop goes on meanwhile', async (_, text) => {
    const rendering = toHtmlInThread(text, MARKDOWN, signal, new ThreadPool({ msMax: 1000 }));
    expect(await turnsUntil(rendering)).toBeGreaterThan(10);
    await expect(rendering).rejects.toMatchObject({
      name: 'AdapterError',
      errorClass: 'invalid',
      facts: { sent: 'no' },
      message:
        'the artifact can’t be made into HTML: that did not come to an end within 1 s: its text is one that takes ever longer',
    });
  });

  test('the same text gives the same bytes each time, and those that it gives without', async () => {
    const text =
      '# A\n\nOne *two* [three](https://example.org/)[^1].\nFour\n\n- [x] five\n\n[^1]: Six.\n\n<b>e\u0301';
    const options = { ...MARKDOWN, linkHosts: ['example.org'], softBreaks: 'space' } as const;
    const pool = new ThreadPool();
    const each = [1, 2, 3].map(() => toHtmlInThread(text, options, signal, pool));
    const expected = await toHtml(text, options);
    expect(await Promise.all(each)).toEqual([expected, expected, expected]);
  });

  test('what is refused there is refused here in the same words', async () => {
    const text = '> '.repeat(5000);
    const said: unknown = await toHtml(text, MARKDOWN).catch((error: unknown) => error);
    const { message } = said as Error;
    await expect(toHtmlInThread(text, MARKDOWN, signal)).rejects.toMatchObject({
      ...{ name: 'AdapterError', errorClass: 'invalid', facts: { sent: 'no' }, message },
    });
  });

  test('a try that is stopped meanwhile has surely sent nothing, and is made again', async () => {
    const controller = new AbortController();
    const rendering = toHtmlInThread(QUOTES, MARKDOWN, controller.signal);
    setTimeout(() => controller.abort(new Error('the worker stops')), 100);
    await expect(rendering).rejects.toMatchObject({
      errorClass: 'transient',
      facts: { sent: 'no' },
      message: 'the artifact can’t be made into HTML: the worker stops',
    });
  });
});

describe('a publisher', () => {
  afterEach(() => void vi.useRealTimers());

  /** The thread has its 30 seconds, and this process waits for a part of them. */
  async function turnsInAHurry(end: Promise<unknown>): Promise<number> {
    const hurry = setInterval(() => vi.advanceTimersByTime(1000), 10);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      return await turnsUntil(end);
    } finally {
      vi.useRealTimers();
      clearInterval(hurry);
    }
  }

  const nowhere = 'http://127.0.0.1:9';
  const publishers: Record<string, () => Publisher> = {
    ghost: () =>
      ghostPublisher({
        options: ghostOptionsSchema.parse({
          url: nowhere,
          key: `${'a'.repeat(24)}:${'b'.repeat(64)}`,
          title: 'T',
          slug: 's',
        }),
      }),
    wordpress: () => publisherWith({ url: nowhere }),
    resend: () =>
      resendPublisher(
        resendOptionsSchema.parse({
          ...{ url: nowhere, apiKey: 're_x', from: 'a@example.com', to: 'b@example.com', subject: 'S' },
          format: 'markdown',
        }),
      ),
    smtp: () =>
      smtpPublisher({
        options: smtpOptionsSchema.parse({
          ...{ host: '127.0.0.1', port: 9, from: 'a@example.com', subject: 'S', format: 'markdown' },
        }),
        target: 'b@example.com',
      }),
  };

  test.each(Object.entries(publishers))('%s knows that nothing was sent', async (_, make) => {
    const creation = make().create(bodyRequest(QUOTES), context);
    expect(await turnsInAHurry(creation)).toBeGreaterThan(10);
    await expect(creation).rejects.toMatchObject({
      errorClass: 'invalid',
      facts: { sent: 'no' },
      message: expect.stringMatching(/^the artifact can’t be made into HTML: .* within 30 s/) as string,
    });
  });

  test('leaves nothing at its destination', async () => {
    const site = new WordPressStandIn();
    await site.start();
    try {
      const landing = new Effect(() => publisherWith({ url: site.url })).land({ text: QUOTES });
      expect(await turnsInAHurry(landing)).toBeGreaterThan(10);
      await expect(landing).rejects.toMatchObject({ errorClass: 'invalid' });
      expect(site.posts).toEqual([]);
      expect(site.requests.filter((line) => !line.startsWith('GET'))).toEqual([]);
    } finally {
      await site.stop();
    }
  });
});
