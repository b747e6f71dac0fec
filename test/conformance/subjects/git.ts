import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ConformanceSubject } from '../../../src/testing/conformance/index.js';
import { startGitServer } from '../../support/servers/git.js';

/** A bare repository behind `git daemon`, counted by its own commits. */
export const gitSubject: ConformanceSubject = {
  name: 'git',
  open: async () => {
    const server = await startGitServer();
    const repository = server.repository('articles', { 'README.md': 'articles\n' });
    const foreign = new Set<string>();
    const pathOf = (slug: string) => `posts/${slug}.md`;
    return {
      use: 'git',
      target: repository.url,
      options: (slug) => ({ path: pathOf(slug), message: `Add ${slug}` }),
      count: async ({ slug, effectKey }) => {
        const commits = repository.commitsOf(effectKey).length;
        const there = repository.read(pathOf(slug)) !== undefined && !foreign.has(slug) ? 1 : 0;
        // Each revision is a commit; what is to be seen is one file.
        return { visible: there, hidden: Math.max(0, commits - Math.max(there, slug === 'revised' ? 2 : 1)) };
      },
      read: async ({ slug }) => repository.read(pathOf(slug)),
      foreign: async (slug) => {
        foreign.add(slug);
        repository.commit({ [pathOf(slug)]: 'somebody else’s\n' });
        return async () => repository.read(pathOf(slug)) === 'somebody else’s\n';
      },
      edit: async ({ slug }) => repository.commit({ [pathOf(slug)]: 'edited by a person\n' }),
      remove: async ({ slug }) => repository.commit({ [pathOf(slug)]: undefined }),
      dump: async () =>
        JSON.stringify(
          readdirSync(repository.dir, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => join(entry.parentPath, entry.name))
            .sort()
            .map((path) => [path, readFileSync(path, 'base64')]),
        ),
      methods: () => server.services().map((service) => (service === 'upload-pack' ? 'GET' : service)),
      close: () => server.stop(),
    };
  },
};
