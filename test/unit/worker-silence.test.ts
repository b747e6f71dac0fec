// How long a worker may be silent before another one takes over: as the guide says, and as it is set.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { heartbeatTimeoutMs } from '../../src/client/start.js';
import { resolveConfig } from '../../src/config.js';

const silenceS = (kind: 'embedded' | 'configured', env: NodeJS.ProcessEnv = {}): number =>
  heartbeatTimeoutMs(resolveConfig({ state: '/state' }, env), { kind }) / 1000;

test('the bounds of the guide are those of a run that nothing is set for', () => {
  const guide = readFileSync(new URL('../../docs/guides/deployment.md', import.meta.url), 'utf8');
  const [embedded, configured] = [silenceS('embedded'), silenceS('configured')];
  expect(guide).toContain(`${configured + 10} s: a silence of ${configured} s`);
  expect(guide).toContain(`${embedded + 10} s: a silence of ${embedded} s`);
  expect(guide).toContain(`${embedded} with the embedded engine and ${configured} with a configured one`);
});

test('the variable goes before both, and is refused outside of its bounds', () => {
  const env = { NIGHTSHIFT_HEARTBEAT_SECONDS: '30' };
  expect([silenceS('embedded', env), silenceS('configured', env)]).toEqual([30, 30]);
  for (const seconds of ['4', '3601', 'soon'])
    expect(() => silenceS('embedded', { NIGHTSHIFT_HEARTBEAT_SECONDS: seconds })).toThrow(
      'NIGHTSHIFT_HEARTBEAT_SECONDS',
    );
});
