// A destination for publishers that are wrong on purpose: a folder, one file for each object, named by its id.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { AdapterError } from '../../../src/adapter.js';
import type { ConformanceSubject, Place } from '../../../src/testing/conformance/index.js';
import type { BodyRequest, EffectRequest, Placed } from '../../../src/activities/publishers/publisher.js';

export interface Stored {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly visible: boolean;
  readonly text: string;
}

export class Store {
  constructor(private readonly dir: string) {
    mkdirSync(dir, { recursive: true });
  }

  all(): Stored[] {
    return readdirSync(this.dir)
      .sort()
      .map((file) => JSON.parse(readFileSync(join(this.dir, file), 'utf8')) as Stored);
  }

  add({ name, key, visible, text }: Omit<Stored, 'id'>): Stored {
    for (let number = this.all().length + 1; ; number++) {
      const id = String(number).padStart(6, '0');
      if (existsSync(join(this.dir, id))) continue;
      return this.put({ id, name, key, visible, text });
    }
  }

  take(id: string): void {
    rmSync(join(this.dir, id));
  }

  /** Shows a draft. @throws AdapterError `lost` */
  show(id: string): Stored {
    const draft = this.all().find((one) => one.id === id);
    if (!draft) throw new AdapterError('lost', 'no such draft', { sent: 'rejected' });
    return this.put({ ...draft, visible: true });
  }

  put(stored: Stored): Stored {
    writeFileSync(join(this.dir, stored.id), JSON.stringify(stored));
    return stored;
  }
}

/** The wished name of an effect: tests give every effect a slug of its own. */
export const nameOf = ({ identity }: EffectRequest): string => identity['slug'] ?? '';

export const stored = (request: BodyRequest, visible: boolean): Omit<Stored, 'id'> => ({
  name: nameOf(request),
  key: request.effectKey,
  visible,
  text: Buffer.from(request.body).toString('utf8'),
});

export const placed = ({ id, text, visible }: Stored): Placed => ({
  id,
  sha256: createHash('sha256').update(text).digest('hex'),
  visible,
});

/** `classify` of those that are wrong elsewhere. */
export const classify = (error: unknown): AdapterError =>
  error instanceof AdapterError ? error : new AdapterError('bug', String(error), {}, { cause: error });

/** A subject whose publisher is the module of that name beside this file. */
export const wrong = (file: string, env: Record<string, string> = {}): ConformanceSubject => ({
  name: file,
  open: async (): Promise<Place> => {
    const dir = mkdtempSync(join(tmpdir(), 'nightshift-wrong-'));
    const store = new Store(dir);
    return {
      use: join(import.meta.dirname, file),
      target: dir,
      options: () => (Object.keys(env).length === 0 ? {} : { token: '${env:TOKEN}' }),
      env,
      count: async ({ effectKey }) => {
        const ours = store.all().filter(({ key }) => key === effectKey);
        const visible = ours.filter((one) => one.visible).length;
        return { visible, hidden: ours.length - visible };
      },
      ...(Object.keys(env).length > 0 && { blind: { TOKEN: 'blind-token' } }),
      read: async ({ effectKey }) => store.all().find(({ key }) => key === effectKey)?.text,
      edit: async ({ effectKey }) => {
        const ours = store.all().filter(({ key }) => key === effectKey);
        for (const one of ours) store.put({ ...one, text: 'edited by a person' });
      },
      foreign: async (slug) => {
        const { id } = store.add({ name: slug, key: 'somebody else', visible: true, text: 'theirs' });
        return async () => store.all().some((one) => one.id === id && one.text === 'theirs');
      },
      close: async () => rmSync(dir, { recursive: true, force: true }),
    };
  },
});
