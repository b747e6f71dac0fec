import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConformanceSubject } from '../../../src/testing/conformance/index.js';

/** Files below a temporary folder, counted by listing it. */
export const folderSubject: ConformanceSubject = {
  name: 'folder',
  open: async () => {
    const root = mkdtempSync(join(tmpdir(), 'nightshift-folder-'));
    const at = (slug: string) => join(root, `${slug}.md`);
    const foreign = new Set<string>();
    const filesOf = (slug: string) =>
      readdirSync(root).filter((name) => name.includes(slug) && !name.startsWith('.night'));
    return {
      use: 'folder',
      target: root,
      options: (slug) => ({ path: `${slug}.md` }),
      count: async ({ slug }) => {
        const files = filesOf(slug);
        const here = files.includes(`${slug}.md`) ? 1 : 0;
        return { visible: foreign.has(slug) ? 0 : here, hidden: files.length - here };
      },
      read: async ({ slug }) => (existsSync(at(slug)) ? readFileSync(at(slug), 'utf8') : undefined),
      foreign: async (slug) => {
        writeFileSync(at(slug), 'somebody else’s');
        foreign.add(slug);
        return async () => readFileSync(at(slug), 'utf8') === 'somebody else’s';
      },
      edit: async ({ slug }) => writeFileSync(at(slug), 'edited by a person'),
      remove: async ({ slug }) => rmSync(at(slug)),
      dump: async () =>
        JSON.stringify(
          readdirSync(root, { recursive: true, withFileTypes: true })
            .map((entry) => join(entry.parentPath, entry.name))
            .sort()
            .map((path) => {
              const { mtimeMs, size } = statSync(path);
              return [path, mtimeMs, size, statSync(path).isFile() ? readFileSync(path, 'base64') : ''];
            }),
        ),
      close: async () => rmSync(root, { recursive: true, force: true }),
    };
  },
};
