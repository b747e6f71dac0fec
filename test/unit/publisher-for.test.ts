// What an agent wrote may not fit an option: that is one job's trouble, not that of the batch.
import { expect, test } from 'vitest';
import { publisherFor } from '../../src/activities/publishers/publisher-for.js';
import { ARTIFACT_MARK } from '../../src/batch/artifact-mark.js';
import type { Effect } from '../../src/contract/job.js';
import { AdapterError } from '../../src/contract/errors.js';

const mail: Effect = {
  key: 'a'.repeat(32),
  name: 'mail',
  use: 'smtp',
  target: 'ann@example.com',
  with: { host: 'localhost', from: 'nights@example.com', subject: ARTIFACT_MARK },
  onUnknown: 'hold',
};

const made = (artifact: string | undefined, options: Effect['with'] = {}) =>
  publisherFor(
    { ...mail, with: { ...mail.with, ...options } },
    '/nowhere',
    { env: {}, stateDir: '/nowhere' },
    artifact === undefined ? undefined : new TextEncoder().encode(artifact),
  ).then(
    () => 'made',
    (error: unknown) => (error instanceof AdapterError ? error.errorClass : error),
  );

test.each([
  ['no artifact yet', 'made', undefined, {}],
  ['an artifact that fits', 'made', 'A line', {}],
  ['one that is too long for its option', 'invalid', 'x'.repeat(901), {}],
  ['an option of the batch file that is wrong', 'config', 'A line', { from: 'nobody' }],
  ['both', 'config', 'x'.repeat(901), { from: 'nobody' }],
])('%s: %s', async (_, expected, artifact, options) => {
  expect(await made(artifact, options)).toBe(expected);
});
