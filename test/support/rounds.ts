/** `npm run test:long` sets it. */
export const IS_LONG = process.env['NIGHTSHIFT_TEST_LONG'] === '1';

/** How much is tried of what could go on for ever: `few` in every test run, `many` in a long one. */
export const rounds = (few: number, many: number): number => (IS_LONG ? many : few);

/** What one random test has printed, in `NIGHTSHIFT_TEST_SEED`, is drawn again by all of them. */
export const SEED = process.env['NIGHTSHIFT_TEST_SEED'] ?? String(Date.now());
