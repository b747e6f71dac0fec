import type { EffectId } from '../ledger/ledger.js';
import { ARTIFACT_MARK, BARE_ARTIFACT, hasArtifact } from './artifact-mark.js';
import { approvingOf } from '../contract/approval.js';
import { AdapterError } from '../contract/errors.js';
import type { Effect, Job } from '../contract/job.js';
import { jobTitle } from '../contract/job.js';
import type { Definition, EffectSpec } from '../contract/batch-file.js';
import { effectKey } from '../identity/keys.js';
import { assertHost } from './hosts.js';
import { hasLogin } from './credentials.js';
import { looksLikeReference, mapFields } from './secrets.js';
import { shown } from './shown.js';
import { renderTemplate, templateScope, type TemplateScope } from './template.js';

/**
 * The outward actions of one job, in declared order, their templates filled in. The target comes first, because
 * the effect's key is made from it and `with` may name that key. Secrets stay references.
 * @throws AdapterError `invalid` that names job, effect and template
 */
export function effectsOf(definition: Pick<Definition, 'work' | 'effects'>, job: Job): Effect[] {
  const scope = templateScope({ work: definition.work, job });
  return definition.effects.map((spec) => effectOf(spec, { work: definition.work, job, scope }));
}

/**
 * The taking back of an effect: an effect of its own, with a name that no batch file can give and a key made like any
 * other.
 */
export function undoOf(of: {
  readonly work: string;
  readonly jobKey: string;
  readonly name: string;
  readonly target: string;
}): { readonly key: string; readonly name: string } {
  const name = `unpublish:${of.name}`;
  return { key: effectKey({ ...of, name }), name };
}

/** What the ledger knows an effect by. */
export const effectIdOf = (
  work: string,
  { key: jobKey, revision }: Pick<Job, 'key' | 'revision'>,
  { key: effectKey, name, target, use }: Pick<Effect, 'key' | 'name' | 'target' | 'use'>,
): EffectId => ({ effectKey, work, jobKey, name, target, use, revision });

interface Context {
  readonly work: string;
  readonly job: Job;
  readonly scope: TemplateScope;
}

function effectOf(spec: EffectSpec, { work, job, scope }: Context): Effect {
  try {
    const target = targetOf(spec, scope);
    const key = effectKey({ work, jobKey: job.key, name: spec.name, target });
    const withKey = { ...scope, effect: { key }, artifact: ARTIFACT_MARK };
    const options = mapFields(spec.with, (text, field) => {
      const filled = renderOption(text, withKey);
      assertHost(field, text, filled, spec.hosts);
      return filled;
    });
    const { name, use, onUnknown } = spec;
    const approval = spec.approval && { approval: approvingOf(spec.approval) };
    return { key, name, use, target, with: options, onUnknown, ...approval };
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    const place = `[effect=${spec.name}, job=${jobTitle(job.identity)}]`;
    throw new AdapterError(error.errorClass, `${error.message} ${place}`, error.facts, { cause: error });
  }
}

/** What is wrong with a target that lets somebody in. */
export const SPELLS_OUT = 'spells out a credential; a target is part of a key and shown in reports';

/** Part of a key, so in normal form; and shown in ledger and reports, so free of secrets and control characters. */
function targetOf(spec: EffectSpec, scope: TemplateScope): string {
  const target = renderTemplate(spec.target, scope).normalize('NFC').trim();
  const refuse = (why: string) => new AdapterError('invalid', `target ${shown(target)} ${why}`);
  if (target === '') throw refuse(`of template ${shown(spec.target)} is empty`);
  if (/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(target)) throw refuse('has a control character');
  if (looksLikeReference(target)) throw refuse('names a secret, which a target may not');
  if (hasLogin(target)) throw refuse(SPELLS_OUT);
  assertHost('target', spec.target, target, spec.hosts);
  return target;
}

// Two noncharacters of Unicode, "intended for process-internal use": no text that is meant to be read has them.
const OPEN = '\ufdd0';
const CLOSE = '\ufdd1';

const countOf = (text: string, part: string | RegExp): number => text.split(part).length - 1;

/**
 * Fills in one text of `with`. Only the batch file may name secrets: a job whose text says `${env:API_KEY}` would
 * otherwise get that key published. So the template's own references step aside while the job's fields come in.
 */
function renderOption(template: string, scope: TemplateScope): string {
  const aside = template.replaceAll(/\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}/g, `${OPEN}$1${CLOSE}`);
  if (aside !== template && JSON.stringify(scope).includes(OPEN)) {
    throw new AdapterError('invalid', 'a field of the job has the noncharacter U+FDD0');
  }
  const text = renderTemplate(aside, scope);
  // A template may leave it out or repeat it; a job may not smuggle it in.
  const asWritten = countOf(text, ARTIFACT_MARK) === countOf(template, BARE_ARTIFACT);
  if (!asWritten && hasArtifact(JSON.stringify({ ...scope, artifact: '' }))) {
    throw new AdapterError('invalid', 'a field of the job has the noncharacter U+FDD2');
  }
  if (looksLikeReference(text)) {
    throw new AdapterError(
      'invalid',
      `a field of the job puts a reference to a secret into template ${shown(template)}; only the batch file may`,
    );
  }
  return aside === template ? text : text.replaceAll(new RegExp(`${OPEN}(\\w+)${CLOSE}`, 'gu'), '${env:$1}');
}
