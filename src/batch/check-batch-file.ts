import { batchFileSchema, jobSourceSchema, type BatchFile } from '../contract/batch-file.js';
import type { JsonObject } from '../contract/json.js';
import { findingsOf } from './issue-sentences.js';
import { inputFault } from './job-input.js';
import type { FileProblems } from './problems.js';
import type { JobSource } from './read-jobs.js';
import { kindOf } from './shown.js';
import { spelledOutInChannels, spelledOutInDeadMan } from './spelled-out.js';
import { TEMPLATE_NAMES } from './template.js';
import { withoutEffect } from './without-effect.js';
import type { SourceDocument } from './yaml-document.js';

/** What a batch file holds, as far as it is good. */
export interface CheckedBatchFile {
  /** Only when nothing is wrong with its shape. */
  readonly file: BatchFile | undefined;
  readonly jobs: JobSource | undefined;
  readonly identity: readonly string[] | undefined;
}

/** Checks the shape of a batch file. Its jobs can be looked at even when something else in it is wrong. */
export function checkBatchFile(document: SourceDocument, { report }: FileProblems): CheckedBatchFile {
  const { value } = document;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    report({
      ...document.placeOf([]),
      message: `a batch file holds fields such as name, work, jobs, agent and effects, not ${kindOf(value)}`,
    });
    return { file: undefined, jobs: undefined, identity: undefined };
  }
  const fault = inputFault(value);
  if (fault) {
    report({ ...document.placeOfKey(fault.path), message: `the file ${fault.message}` });
    return { file: undefined, jobs: undefined, identity: undefined };
  }

  const parsed = batchFileSchema.safeParse(value);
  if (!parsed.success) {
    for (const { path, at, message, hint } of findingsOf(batchFileSchema, value, parsed.error.issues)) {
      if (isInListedJob(path)) continue; // reading the jobs says it too, and better
      const place = at === 'key' ? document.placeOfKey(path) : document.placeOf(path);
      report({ ...place, message, ...(hint !== undefined && { hint }) });
    }
  }
  const parts = value as JsonObject;
  const identity = batchFileSchema.shape.identity.safeParse(parts['identity']);
  const jobs = jobSourceSchema.safeParse(parts['jobs']);
  const checked = {
    file: parsed.data,
    identity: identity.data,
    jobs: jobs.data ?? listedJobs(parts['jobs']),
  };
  const namesFit = identityNamesFit(checked.identity ?? [], document, report);
  reportMissingPrompt(parts, document, report);
  const others = [
    ...withoutEffect(parts, checked.identity),
    ...spelledOutInChannels(parts['alerts']),
    ...spelledOutInDeadMan(parts['deadMan']),
  ];
  for (const { path, message, hint } of others)
    report({ ...document.placeOf(path), message, ...(hint !== undefined && { hint }) });
  return namesFit ? checked : { ...checked, file: undefined };
}

const isInListedJob = ([root, entry]: readonly PropertyKey[]): boolean =>
  root === 'jobs' && typeof entry === 'number';

/** A list with a bad entry is still read: each job says by itself what is wrong with it. */
const listedJobs = (jobs: unknown): JobSource | undefined =>
  Array.isArray(jobs) ? (jobs as JsonObject[]) : undefined;

function identityNamesFit(
  identity: readonly string[],
  document: SourceDocument,
  report: FileProblems['report'],
): boolean {
  const taken = identity.filter((name) => TEMPLATE_NAMES.has(name) || name === '__proto__');
  for (const name of taken) {
    report({
      ...document.placeOf(['identity', identity.indexOf(name)]),
      message: `identity: "${name}" has a meaning of its own in templates`,
      hint: `give the field another name, such as "${name.replaceAll('_', '')}_name"`,
    });
  }
  return taken.length === 0;
}

/** Agents that are told by a prompt alone what to do. */
const HOSTED: ReadonlySet<string> = new Set(['antigravity', 'claude']);

function reportMissingPrompt(
  parts: JsonObject,
  document: SourceDocument,
  report: FileProblems['report'],
): void {
  const agent = parts['agent'];
  if (typeof agent !== 'object' || agent === null || Array.isArray(agent)) return;
  const teller = agent['use'] === 'command' ? 'preset' : 'use';
  const { prompt, [teller]: told } = agent;
  if (typeof told !== 'string' || (teller === 'use' && !HOSTED.has(told))) return;
  if (prompt !== undefined && (typeof prompt !== 'string' || prompt.trim() !== '')) return;
  report({
    ...document.placeOf(['agent', prompt === undefined ? teller : 'prompt']),
    message: `agent.prompt is ${prompt === undefined ? 'missing' : 'empty'}: it is all that ${teller === 'preset' ? 'a preset' : 'the agent'} is given`,
    hint: 'prompt: Write about {{ title }}.',
  });
}
