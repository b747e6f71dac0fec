// Inside a rehearsal nothing can be sent that may change something, whosever code tries it; outside all is as it was.
import http from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RehearsalWrite, refuseInRehearsal, rehearsing } from '../../src/activities/rehearsal/no-writes.js';
import { disarmed } from '../../src/activities/publishers/looker.js';
import type { Publisher } from '../../src/activities/publishers/publisher.js';
import { startReceiver, type Receiver } from '../support/servers/receiver.js';

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver.stop());

/** The methods that arrived while this was done. */
async function arriving(act: () => Promise<unknown>): Promise<readonly string[]> {
  const before = receiver.got.length;
  await act();
  return receiver.got.slice(before).map(({ method }) => method);
}

const byNodeHttp = (method: string): Promise<void> =>
  new Promise((resolve, reject) => {
    http
      .request(`${receiver.url}/node`, { method }, (answer) => answer.resume().on('end', resolve))
      .on('error', reject)
      .end();
  });

test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'post'])(
  '%s is refused by fetch and by node:http, and told of without its query, which may hold a key',
  async (method) => {
    const { host } = new URL(receiver.url);
    for (const [path, send] of [
      ['/posts', () => fetch(`${receiver.url}/posts?key=secret`, { method })],
      ['/posts', () => fetch(new Request(`${receiver.url}/posts`, { method }))],
      ['/node', () => byNodeHttp(method)],
    ] as const) {
      const got = await arriving(async () => {
        const { error, refused } = await rehearsing<unknown>(send);
        expect(error).toBeInstanceOf(RehearsalWrite);
        expect(refused).toEqual([`${method.toUpperCase()} ${host}${path}`]);
      });
      expect(got).toEqual([]);
    }
  },
);

test('what looks goes through', async () => {
  const got = await arriving(async () => {
    const { refused } = await rehearsing(async () => {
      await fetch(receiver.url);
      await fetch(receiver.url, { method: 'head' });
      await byNodeHttp('OPTIONS');
    });
    expect(refused).toEqual([]);
  });
  expect(got).toEqual(['GET', 'HEAD', 'OPTIONS']);
});

test('a try whose error is swallowed fails the rehearsal all the same', async () => {
  const { value, refused } = await rehearsing(async () => {
    await fetch(receiver.url, { method: 'POST' }).catch(() => undefined);
    return 'all is well';
  });
  expect(value).toBe('all is well');
  expect(refused).toHaveLength(1);
});

test('what runs beside a rehearsal in the same process is not touched, and two of them do not mix', async () => {
  const post = () => fetch(receiver.url, { method: 'POST' });
  const got = await arriving(async () => {
    const [one, , two] = await Promise.all([rehearsing(post), post(), rehearsing(() => fetch(receiver.url))]);
    expect([one.refused.length, two.refused.length]).toEqual([1, 0]);
  });
  expect([...got].sort()).toEqual(['GET', 'POST']);
  expect(() => refuseInRehearsal('anything')).not.toThrow();
});

test('a publisher that is to look only has no verb that acts, not even for itself', async () => {
  let acted = 0;
  const act = () => Promise.resolve(void acted++ as never);
  const publisher = {
    facts: { name: 'sly', class: 1, lookup: 'exact', settleMs: 0 },
    async lookup(this: Publisher) {
      await this.create(undefined as never, undefined as never);
      return { kind: 'absent' as const };
    },
    create: act,
    update: act,
    discard: act,
    unpublish: act,
    reveal: act,
    classify: (error: unknown) => error as never,
  } satisfies Publisher;
  const looker = disarmed(publisher);
  expect(Object.keys(looker).sort()).toEqual(['canUpdate', 'classify', 'facts', 'lookup']);
  expect(looker.canUpdate).toBe(true);
  const { error, refused } = await rehearsing(async () =>
    looker.lookup?.(undefined as never, undefined as never),
  );
  expect(error).toBeInstanceOf(RehearsalWrite);
  expect(refused).toEqual(['the verb create of publisher sly']);
  expect(acted).toBe(0);
});
