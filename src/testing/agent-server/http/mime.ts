const MIME: Readonly<Record<string, string>> = {
  md: 'text/markdown',
  json: 'application/json',
  html: 'text/html',
  txt: 'text/plain',
};

export const mimeOf = (path: string): string =>
  MIME[path.slice(path.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
