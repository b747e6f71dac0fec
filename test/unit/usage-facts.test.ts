// What logs and spans say of the usage of a session.
import { expect, test } from 'vitest';
import { usageFacts } from '../../src/activities/session/usage-facts.js';
import { NO_USAGE } from './ledger-fixture.js';

test('what the service did not tell is no figure', () => {
  expect(usageFacts(NO_USAGE)).toEqual({});
  expect(usageFacts({ ...NO_USAGE, costMicros: 0, costSource: 'provider' })).toEqual({
    'nightshift.cost_micros': 0,
  });
  expect(usageFacts({ ...NO_USAGE, inputTokens: 7, model: 'm-1' })).toEqual({
    'nightshift.input_tokens': 7,
    'nightshift.output_tokens': 0,
    'nightshift.model': 'm-1',
  });
});
