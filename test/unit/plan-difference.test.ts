// How a plan tells what would be published from what is there.
import { expect, test } from 'vitest';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { differenceTo } from '../../src/client/difference.js';
import { sha256Hex } from '../../src/identity/digest.js';
import { tempDir } from '../support/batch.js';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const draft = (text: string) => ({ sha256: sha256Hex(text), bytes: bytesOf(text) });

test('new, the same, in lines where the one that is there was kept, else by its hash', async () => {
  const artifacts = folderArtifactStore({ root: tempDir() });
  const { sha256: there } = await artifacts.put(bytesOf('one\ntwo\nthree\n'));
  const here = draft('one\n2\nthree\nfour\n');
  expect(await differenceTo(undefined, here, artifacts)).toEqual({ kind: 'new', lines: 4 });
  expect(await differenceTo(here.sha256, here, artifacts)).toEqual({ kind: 'same' });
  expect(await differenceTo(there, here, artifacts)).toEqual({
    ...{ kind: 'lines', added: 2, removed: 1 },
    changed: { removed: ['two', 'three'], added: ['2', 'three', 'four'] },
  });
  const unknown = sha256Hex('elsewhere');
  expect(await differenceTo(unknown, here, artifacts)).toEqual({
    kind: 'content',
    there: unknown,
    here: here.sha256,
  });
});
