/**
 * Where agents write what the service keeps as files of the session.
 * Source: platform.claude.com/docs/en/managed-agents/files
 */
export const OUT_FOLDER = '/mnt/session/outputs';
