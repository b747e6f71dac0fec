/** What a call throws; undefined when it throws nothing. */
export async function rejection(act: () => Promise<unknown> | undefined): Promise<unknown> {
  try {
    await act();
    return undefined;
  } catch (error) {
    return error ?? new Error('it threw nothing');
  }
}
