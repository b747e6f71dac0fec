import { antigravityCli } from './antigravity-cli.js';
import { claudeCode } from './claude-code.js';
import { codex } from './codex.js';
import { geminiCli } from './gemini-cli.js';
import type { Preset } from './preset.js';

export const PRESET_NAMES = ['claude-code', 'codex', 'gemini-cli', 'antigravity-cli'] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

const PRESETS: Readonly<Record<PresetName, Preset>> = {
  'claude-code': claudeCode,
  codex,
  'gemini-cli': geminiCli,
  'antigravity-cli': antigravityCli,
};

export const presetOf = ({ preset }: { readonly preset?: PresetName | undefined }): Preset | undefined =>
  preset === undefined ? undefined : PRESETS[preset];
