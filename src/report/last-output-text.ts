/** Where people find what a stopped job made last. @param path as `withLastOutput` found it */
export const lastOutputText = (path: string): string => `last output kept: ${path}`;
