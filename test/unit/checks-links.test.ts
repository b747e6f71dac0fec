// Links are asked at a real server. What an agent wrote must not lead us into a private network.
import type { AddressInfo } from 'node:net';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isPublicAddress } from '../../src/checks/links/public-address.js';
import type { Resolve } from '../../src/checks/links/open-link.js';
import { findings, problems } from './checks-fixture.js';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server that counts what it was asked. */
async function aServer(answer: Answer) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, port, asked };
}

const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    response.writeHead(code, headers).end();

const local = { links: { resolve: true, hosts: ['127.0.0.1'] } };
const open = { links: { resolve: true } };

describe('anchors', () => {
  const text =
    '# Über uns & *alle*\n\n## Same\n\n## Same\n\n<a id="spot"></a>\n\nA note[^1].\n\n[^1]: Said.\n\n';

  test.each(['#über-uns--alle', '#%C3%BCber-uns--alle', '#same', '#same-1', '#spot', '#top', '#'])(
    '%s leads somewhere',
    async (anchor) => {
      expect(await problems(`${text}[x](${anchor})`, [open])).toEqual([]);
    },
  );

  test('one without a heading or name is a problem', async () => {
    expect(await problems(`${text}[x](#same-2)`, [open])).toEqual([
      'the link "#same-2" leads to no heading or name in it',
    ]);
  });
});

describe('answers', () => {
  test('each address is asked once, wherever in the text it stands', async () => {
    const { origin, asked } = await aServer(status(200));
    const text = `[a](${origin}/a#x) ![b](${origin}/b) <${origin}/a>\n\n<img src="${origin}/c">\n\n[d]: ${origin}/d\n[d]`;
    expect(await findings(text, [local])).toEqual({ problems: [], notes: [] });
    expect(asked.sort()).toEqual(['HEAD /a', 'HEAD /b', 'HEAD /c', 'HEAD /d']);
  });

  test('blanks and tabs that a browser takes off hide no address, nor does what it chooses images from', async () => {
    const { origin, asked } = await aServer(status(200));
    const text = [
      `<a href=" ${origin}/blank ">a</a> <a href="ht\ttp${origin.slice(4)}/tab">b</a>`,
      `<img srcset="${origin}/small 1x, ${origin}/large 2x"> <video poster="${origin}/still"></video>`,
    ].join('\n');
    expect(await findings(text, [local])).toEqual({ problems: [], notes: [] });
    expect(asked.sort()).toEqual(
      ['/blank', '/large', '/small', '/still', '/tab'].map((path) => `HEAD ${path}`),
    );
  });

  test.each([404, 410])('%i is a problem', async (code) => {
    const { origin } = await aServer(status(code));
    expect(await problems(`[a](${origin}/gone)`, [local])).toEqual([
      `the link "${origin}/gone" leads nowhere: answered ${code}`,
    ]);
  });

  test('a server that does not know HEAD is asked with GET', async () => {
    const { origin, asked } = await aServer((request, response) =>
      status(request.method === 'HEAD' ? 404 : 200)(request, response),
    );
    expect(await problems(`[a](${origin}/)`, [local])).toEqual([]);
    expect(asked).toEqual(['HEAD /', 'GET /']);
  });

  test.each([401, 403, 429, 500, 503])(
    '%i is noted, and fails only where that is asked for',
    async (code) => {
      const { origin } = await aServer(status(code));
      const text = `[a](${origin}/)`;
      const said = `the link "${origin}/" could not be checked: answered ${code}`;
      expect(await findings(text, [local])).toEqual({ problems: [], notes: [said] });
      const strict = { links: { ...local.links, unclear: 'fail' } };
      expect(await findings(text, [strict])).toEqual({ problems: [said], notes: [] });
    },
  );

  test('none in time is noted', async () => {
    const { origin } = await aServer(() => undefined);
    const check = { links: { ...local.links, timeout: '50ms' } };
    expect((await findings(`[a](${origin}/)`, [check])).notes).toEqual([
      `the link "${origin}/" could not be checked: no answer in time`,
    ]);
  });

  test('a broken link among good ones is named', async () => {
    const { origin } = await aServer((request, response) =>
      status(request.url === '/7' ? 404 : 200)(request, response),
    );
    const text = Array.from({ length: 12 }, (_, n) => `[${n}](${origin}/${n})`).join(' ');
    expect(await problems(text, [local])).toEqual([`the link "${origin}/7" leads nowhere: answered 404`]);
  });

  test('the time for all together ends it', async () => {
    const { origin } = await aServer(() => undefined);
    const text = Array.from({ length: 9 }, (_, n) => `[${n}](${origin}/${n})`).join(' ');
    const check = { links: { ...local.links, within: '60ms' } };
    const { problems: found, notes } = await findings(text, [check]);
    expect(found).toEqual([]);
    expect(notes).toHaveLength(9);
  });

  test('more links than are allowed are not asked', async () => {
    const { origin, asked } = await aServer(status(200));
    const check = { links: { ...local.links, max: 1 } };
    expect(await problems(`${origin}/a ${origin}/b`, [check])).toHaveLength(1);
    expect(asked).toEqual([]);
  });

  test('a name that nobody has is a problem', async () => {
    const resolve: Resolve = () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }));
    expect(await problems('[a](https://nobody.invalid/)', [open], { context: { resolve } })).toEqual([
      'the link "https://nobody.invalid/" leads nowhere: there is no such host',
    ]);
  });

  test('without any network the check could not run, and that is no fault of the artifact', async () => {
    const resolve: Resolve = () => Promise.reject(Object.assign(new Error('x'), { code: 'EAI_AGAIN' }));
    const text = '[a](https://one.example/) [b](https://two.example/)';
    await expect(problems(text, [open], { context: { resolve } })).rejects.toMatchObject({
      errorClass: 'transient',
      facts: { sent: 'no' },
    });
  });

  test('a cancelled job stops it', async () => {
    const { origin } = await aServer(() => undefined);
    const controller = new AbortController();
    const running = problems(`[a](${origin}/)`, [local], { context: { signal: controller.signal } });
    controller.abort();
    await expect(running).rejects.toThrow();
  });
});

describe('private networks', () => {
  const REFUSED = 'is none for readers: it leads into a private network';

  test.each(['127.0.0.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]'])(
    'this machine is not asked under the name %s',
    async (host) => {
      const { port, asked } = await aServer(status(200));
      expect(await problems(`<a href="http://${host}:${port}/">x</a>`, [open])).toEqual([
        expect.stringContaining(REFUSED),
      ]);
      expect(asked).toEqual([]);
    },
  );

  test('a public name with a private address is not asked', async () => {
    const { port, asked } = await aServer(status(200));
    const resolve: Resolve = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    const text = `[a](http://looks-fine.example:${port}/)`;
    expect(await problems(text, [open], { context: { resolve } })).toEqual([
      expect.stringContaining(REFUSED),
    ]);
    expect(asked).toEqual([]);
  });

  test('nor one that has a private address among public ones', async () => {
    const resolve: Resolve = () =>
      Promise.resolve([
        { address: '93.184.215.14', family: 4 },
        { address: 'fe80::1', family: 6 },
      ]);
    expect(await problems('[a](https://both.example/)', [open], { context: { resolve } })).toEqual([
      expect.stringContaining(REFUSED),
    ]);
  });

  test('a redirect into it is not followed', async () => {
    const inner = await aServer(status(200));
    const outer = await aServer(status(302, { location: `http://localhost:${inner.port}/secret` }));
    expect(await problems(`[a](${outer.origin}/)`, [local])).toEqual([expect.stringContaining(REFUSED)]);
    expect(outer.asked).toEqual(['HEAD /']);
    expect(inner.asked).toEqual([]);
  });

  test('a redirect to another scheme is not followed', async () => {
    const { origin } = await aServer(status(302, { location: 'file:///etc/passwd' }));
    expect(await problems(`[a](${origin}/)`, [local])).toEqual([expect.stringContaining('file:')]);
  });

  test('a listed host is asked, at the address that was looked up', async () => {
    const { port, asked } = await aServer(status(200));
    let lookUps = 0;
    const resolve: Resolve = () => {
      lookUps++;
      return Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    };
    const check = { links: { resolve: true, hosts: ['*.intranet.example'] } };
    const text = `[a](http://docs.intranet.example:${port}/)`;
    expect(await findings(text, [check], { context: { resolve } })).toEqual({ problems: [], notes: [] });
    expect(asked).toEqual(['HEAD /']);
    expect(lookUps).toBe(1);
  });

  test('redirects without end are given up', async () => {
    const { origin, asked } = await aServer((request, response) =>
      status(302, { location: `${request.url}a` })(request, response),
    );
    expect((await findings(`[a](${origin}/)`, [local])).notes).toHaveLength(1);
    expect(asked.length).toBeLessThanOrEqual(5);
  });

  test('redirects in a circle lead nowhere, unless a cookie may lead out of it', async () => {
    const there = await aServer((request, response) =>
      status(302, { location: request.url === '/a' ? '/b#x' : '/a' })(request, response),
    );
    const said = `the link "${there.origin}/a" leads nowhere: it redirects in a circle`;
    expect(await findings(`[a](${there.origin}/a)`, [local])).toEqual({ problems: [said], notes: [] });
    expect(there.asked).toEqual(['HEAD /a', 'HEAD /b']);
    const wall = await aServer(status(302, { location: '/', 'set-cookie': 'seen=1' }));
    expect((await findings(`[a](${wall.origin}/)`, [local])).notes).toHaveLength(1);
  });

  test('credentials in a link are not sent', async () => {
    let authorisation: string | undefined;
    const { port } = await aServer((request, response) => {
      authorisation = request.headers.authorization;
      response.end();
    });
    expect(await problems(`[a](http://user:secret@127.0.0.1:${port}/)`, [local])).toEqual([]);
    expect(authorisation).toBeUndefined();
  });

  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.100.100.200',
    '127.8.9.1',
    '169.254.169.254',
    '168.63.129.16',
    '172.31.0.1',
    '192.168.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:8.8.8.8',
    '64:ff9b::a00:1',
    'fd00:ec2::254',
    'fe80::1',
    'ff02::1',
    '2002:7f00:1::',
    '2001:db8::1',
    'example.com',
    '',
  ])('%s is no public address', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test.each(['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450::1'])(
    '%s is one',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  test('an IPv4 address inside an IPv6 one is never public', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(isPublicAddress(`::ffff:${address}`)).toBe(false);
        expect(isPublicAddress(`64:ff9b::${address}`)).toBe(false);
      }),
    );
  });
});
