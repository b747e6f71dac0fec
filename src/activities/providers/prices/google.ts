import type { PriceTable } from '../managed/price-table.js';

const FLASH = /^gemini-3\.[678]-flash(-|$)/;
const SOURCE =
  'third-party reports of the paid tier’s token prices, October 2026; not confirmed by the vendor';
const READ_ON = '2026-11-23';
const CHANGE = '2027-01-01T00:00:00Z';

/** Token prices of the models that run agents at Google. The sandbox itself is free while in preview. */
export const GOOGLE_PRICES: readonly PriceTable[] = [
  {
    id: 'google-2026-10',
    source: SOURCE,
    readOn: READ_ON,
    from: '2026-01-01T00:00:00Z',
    until: CHANGE,
    models: FLASH,
    price: { input: 750_000, output: 3_750_000, cached: 75_000 },
  },
  {
    id: 'google-2027-01',
    source: SOURCE,
    readOn: READ_ON,
    from: CHANGE,
    models: FLASH,
    price: { input: 1_500_000, output: 7_500_000, cached: 150_000 },
  },
];
