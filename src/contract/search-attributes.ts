/** What the Web UI and `list` filter batches and jobs by. All of type Keyword. */
export const SEARCH_ATTRIBUTE = {
  batch: 'NightshiftBatch',
  work: 'NightshiftWork',
  site: 'NightshiftSite',
  state: 'NightshiftState',
  errorClass: 'NightshiftErrorClass',
  edition: 'NightshiftEdition',
  job: 'NightshiftJob',
} as const;

/** A new one, or another order, makes every embedded engine set them all once more. */
export const SEARCH_ATTRIBUTES: readonly string[] = Object.values(SEARCH_ATTRIBUTE);

/** Longest value that the engine takes. */
export const SEARCH_ATTRIBUTE_MAX = 255;
