// Services that can't be installed, played by a stateful stand-in that keeps their documented windows and errors.
import type { JsonObject } from '../../../src/contract/json.js';
import type { ConformanceSubject } from '../../../src/testing/conformance/index.js';
import { startFakeDestinations } from '../../../src/testing/fake-destinations/index.js';
import { startLossyProxy } from '../../support/lossy-proxy.js';
import { faultsBy } from './http-faults.js';

interface Service {
  readonly name: string;
  readonly use: string;
  readonly env: Readonly<Record<string, string>>;
  readonly options: (slug: string, url: string, effectKey: string) => JsonObject;
  readonly prepare?: (url: string) => Promise<void>;
  readonly foreign?: (url: string, slug: string) => Promise<() => Promise<boolean>>;
}

const service = ({ name, use, env, options, prepare, foreign }: Service): ConformanceSubject => ({
  name,
  open: async () => {
    const fake = await startFakeDestinations({ seed: name });
    await prepare?.(fake.url);
    const proxy = await startLossyProxy({ port: Number(new URL(fake.url).port) });
    return {
      use,
      target: `the ${name} account`,
      env,
      options: (slug, effectKey) => options(slug, proxy.url, effectKey),
      count: async ({ effectKey }) => ({
        visible: (await fake.effects())[effectKey] ?? 0,
        hidden: (await fake.leftovers())[effectKey] ?? 0,
      }),
      dump: async () => JSON.stringify([await fake.effects(), await fake.leftovers()]),
      ...(foreign && { foreign: (slug) => foreign(fake.url, slug) }),
      methods: () => proxy.seen.map(({ method }) => method),
      advance: (ms) => fake.advance(ms),
      faults: faultsBy(proxy),
      close: async () => {
        await proxy.close();
        await fake.close();
      },
    };
  },
});

const http = (
  name: string,
  more: (url: string, effectKey: string, slug: string) => JsonObject,
  foreign?: Service['foreign'],
): ConformanceSubject =>
  service({
    name,
    use: 'http',
    ...(foreign && { foreign }),
    env: { API_TOKEN: 'planted-token-of-http' },
    options: (slug, url, effectKey) => ({
      url: `${url}/http/effects`,
      headers: { authorization: 'Bearer ${env:API_TOKEN}' },
      body: { slug, text: '{{ artifact }}' },
      settle: '1s',
      timeout: '3s',
      ...more(url, effectKey, slug),
    }),
  });

export const httpWithLookup = http('http, look-up', (url, effectKey) => ({
  lookup: { url: `${url}/http/effects/by-key/${effectKey}` },
}));
/** Found by its name, as many services can; whose it is, the answer says. */
export const httpByName = http(
  'http, name',
  (url, _effectKey, slug) => ({
    lookup: {
      // Also asked for as it stands in a batch file.
      url: `${url}/http/effects?slug=${slug.startsWith('{{') ? slug : encodeURIComponent(slug)}`,
      id: '/data/0/id',
      key: '/data/0/key',
    },
  }),
  async (url, slug) => {
    const body = JSON.stringify({ slug, text: 'somebody else’s' });
    await fetch(`${url}/http/effects`, { method: 'POST', body });
    const all = async () => (await fetch(`${url}/http/effects?slug=${slug}`)).text();
    const before = await all();
    return async () => (await all()) === before;
  },
);
export const httpWithKey = http('http, key', () => ({ keyWindow: '24h' }));
export const httpWithNothing = http('http, neither', () => ({}));

export const resendSubject = service({
  name: 'resend',
  use: 'resend',
  env: { RESEND_API_KEY: 're_planted_key_of_resend' },
  options: (slug, url) => ({
    url,
    apiKey: '${env:RESEND_API_KEY}',
    from: 'news@example.com',
    to: 'reader@example.com',
    subject: `About ${slug}`,
    text: '{{ artifact }}',
  }),
});

let customer = '';

export const stripeSubject = service({
  name: 'stripe',
  use: 'stripe',
  prepare: async (url) => {
    const headers = {
      authorization: 'Bearer sk_test_1',
      'content-type': 'application/x-www-form-urlencoded',
    };
    const made = await fetch(`${url}/v1/customers`, { method: 'POST', headers, body: 'name=A+reader' });
    customer = ((await made.json()) as { id: string }).id;
  },
  env: { STRIPE_KEY: 'rk_test_planted_key_of_stripe' },
  options: (slug, url) => ({
    url,
    apiKey: '${env:STRIPE_KEY}',
    customer,
    currency: 'eur',
    lines: [{ description: `About ${slug}`, amount: 1250 }],
    maxAmount: 5000,
  }),
});
