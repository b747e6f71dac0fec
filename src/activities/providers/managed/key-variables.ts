/** Variables that providers take their key from, where a batch file names none. */
export const KEY_VARIABLES = { antigravity: 'GEMINI_API_KEY', claude: 'ANTHROPIC_API_KEY' } as const;

/** @returns undefined for providers that take none by themselves */
export const keyVariableOf = (provider: string): string | undefined =>
  Object.entries(KEY_VARIABLES).find(([name]) => name === provider)?.[1];
