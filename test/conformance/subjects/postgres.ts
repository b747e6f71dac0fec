import type { ConformanceSubject } from '../../../src/testing/conformance/index.js';
import { startPostgres } from '../../support/servers/postgres.js';

/** A table of posts, counted by SQL. */
export const postgresSubject: ConformanceSubject = {
  name: 'postgres',
  open: async () => {
    const server = await startPostgres({ settings: { log_statement: 'mod' } });
    await server.rows(
      `create table posts (nightshift_key text primary key, nightshift_revision integer, nightshift_sha256 text,
        fingerprint text, slug text, body text)`,
    );
    await server.rows(`create role writer login password 'writes only'`);
    await server.rows('grant insert on posts to writer');
    const writer = Object.assign(new URL(server.url), { username: 'writer', password: 'writes only' });
    return {
      use: 'postgres',
      target: 'posts',
      env: { DATABASE_URL: server.url },
      blind: { DATABASE_URL: writer.href },
      options: (slug) => ({
        url: '${env:DATABASE_URL}',
        columns: { slug },
        fingerprintColumn: 'fingerprint',
        bodyColumn: 'body',
      }),
      count: async ({ slug }) => {
        const rows = await server.rows('select 1 from posts where slug = $1', [slug]);
        return { visible: rows.length, hidden: 0 };
      },
      read: async ({ slug }) =>
        (await server.rows<{ body: string }>('select body from posts where slug = $1', [slug]))[0]?.body,
      edit: async ({ slug }) =>
        void (await server.rows('update posts set body = $2 where slug = $1', [slug, 'edited'])),
      remove: async ({ slug }) => void (await server.rows('delete from posts where slug = $1', [slug])),
      // With the transaction that wrote each row: a row written anew would show.
      dump: async () => JSON.stringify(await server.rows('select *, xmin, ctid from posts order by 1')),
      // Its log has every statement that changes something, and no other.
      methods: () =>
        server.log().flatMap((line) => /LOG: {2}(?:statement|execute .*?): (\w+)/.exec(line)?.[1] ?? []),
      close: () => server.stop(),
    };
  },
};
