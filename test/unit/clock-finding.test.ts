// Clocks of hosts that work together.
import { expect, test } from 'vitest';
import { clockFinding } from '../../src/client/clock-finding.js';

test.each([
  [0, 'ok', 'agree'],
  [-1_500, 'ok', 'agree'],
  [12_000, 'warn', 'the ledger’s is 12.0 s ahead of this host’s'],
  [-90_000, 'fail', 'the ledger’s is 90.0 s behind this host’s'],
])('%d ms: %s', (aheadMs, status, said) => {
  const { fix, ...finding } = clockFinding('ledger', aheadMs);
  expect(finding).toMatchObject({ status, detail: expect.stringContaining(said) as unknown });
  expect(fix !== undefined).toBe(status !== 'ok');
});
