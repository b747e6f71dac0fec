// Before every test file: properties draw what `NIGHTSHIFT_TEST_SEED` says. A test has nothing to do for it.
const seed = process.env['NIGHTSHIFT_TEST_SEED'];
if (seed !== undefined) {
  const { default: fc } = await import('fast-check');
  fc.configureGlobal({ seed: Number(seed) });
}
export {};
