/** Why what stands at a place is not ours. */
export interface Foreign {
  readonly why: string;
  /** Key of the effect that put it there, where that is known. */
  readonly owner?: string;
}

/**
 * The key stands in the text as adapters know it; where the ledger knows it too, `withNamedOwner` puts a name in its place.
 * @param did what the other effect did, and where
 */
export const ofAnother = (owner: string, did: string): Foreign => ({
  why: `another effect (${owner}) ${did}; give each its own`,
  owner,
});
