/** As people say it, on one line. */
export const discardedText = ({ by, reason }: { readonly by: string; readonly reason: string }): string =>
  `discarded by ${by}: ${reason}`;
