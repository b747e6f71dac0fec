/** A media type as it may stand in a header, or nothing: it comes from outside. */
export const mimeOrNone = (mime: string | undefined): { mime?: string } =>
  mime !== undefined && mime.length <= 100 && /^[\w.+-]+\/[\w.+-]+(; ?charset=[\w-]+)?$/.test(mime)
    ? { mime }
    : {};
