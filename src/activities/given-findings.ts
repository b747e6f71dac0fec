import type { FieldFinding } from '../batch/issue-sentences.js';
import { malformedReference, mapFields, resolveSecrets, unsetReferences } from '../batch/secrets.js';
import { pathText } from '../batch/shown.js';
import { spelledOut } from '../batch/spelled-out.js';
import { unsetFindings } from '../batch/unset-variables.js';
import type { JsonObject } from '../contract/json.js';
import { optionFindings, type Taker } from './adapter-options.js';

type Path = FieldFinding['path'];

export interface GivenOn {
  readonly env: NodeJS.ProcessEnv;
  /** Whether it is this host that will need the variables. */
  readonly here: boolean;
  /** Where the options stand in the batch file. */
  readonly base: Path;
  /** The page about these options, for who has to write others. */
  readonly page?: string | undefined;
  /** Whether a text is a template that nothing was filled into. */
  readonly isTemplate?: (text: string) => boolean;
}

/** About options whose secrets are filled in before the adapter sees them. */
export function givenFindings(
  module: Taker<unknown>,
  options: JsonObject,
  { base, env, here, page, isTemplate = () => false }: GivenOn,
): FieldFinding[] {
  const place = (path: Path): Path => [...base, ...path];
  const isSecret = (text: string) =>
    malformedReference(text) !== undefined || unsetReferences(text, env).length > 0;
  const value = mapFields(options, (text) => (isSecret(text) ? text : resolveSecrets(text, env)));
  const isOpen = (text: string) => isSecret(text) || isTemplate(text);
  const inFile = spelledOut(module.options, options, place, isTemplate);
  const places = new Set(inFile.map(({ path }) => pathText(path)));
  // What else is wrong with such a text would be said with the text itself.
  const others = optionFindings(module, { value, shownAs: options, place, isOpen }).filter(
    ({ path }) => !places.has(pathText(path)),
  );
  const findings = withPage([...inFile, ...others], page);
  return here ? [...findings, ...unsetFindings(options, place, env)] : findings;
}

/** What a field may hold is told there; a name that is wrong needs no more than its suggestion. */
export const withPage = (findings: readonly FieldFinding[], page: string | undefined): FieldFinding[] =>
  findings.map((finding) => {
    if (page === undefined || finding.at === 'key') return finding;
    return { ...finding, hint: finding.hint === undefined ? `see ${page}` : `${finding.hint}; see ${page}` };
  });
