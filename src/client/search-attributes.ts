import { SearchAttributeType, defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import type { Client, Connection } from '@temporalio/client';
import type { BatchInput } from '../contract/messages.js';
import { SEARCH_ATTRIBUTE, SEARCH_ATTRIBUTES } from '../contract/search-attributes.js';
import { markdownCommand } from '../policy/batch-words.js';

/** Which of our search attributes a namespace lacks; undefined where we may not ask. */
export async function missingAttributes(client: Client): Promise<readonly string[] | undefined> {
  try {
    const { operatorService } = client.connection as Connection;
    const { customAttributes } = await operatorService.listSearchAttributes({
      namespace: client.options.namespace,
    });
    return SEARCH_ATTRIBUTES.filter((name) => customAttributes?.[name] === undefined);
  } catch {
    return undefined; // who may not ask goes without filters
  }
}

/** Which of our search attributes a batch may use. A start, or a change, that names an unknown one is refused. */
export async function knownAttributes(
  client: Client,
): Promise<Pick<BatchInput, 'searchAttributes' | 'stateAttributes'>> {
  const missing = await missingAttributes(client);
  return {
    searchAttributes: missing !== undefined && STATIC.every((name) => !missing.includes(name)),
    stateAttributes: missing?.length === 0,
  };
}

const STATIC = [SEARCH_ATTRIBUTE.batch, SEARCH_ATTRIBUTE.work, SEARCH_ATTRIBUTE.site];

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);

/** Set when a batch starts; later changes are made by its Workflow. */
export const batchAttributes = ({
  name,
  work,
  edition,
  stateAttributes,
}: BatchInput): SearchAttributePair[] => [
  { key: keyword(SEARCH_ATTRIBUTE.batch), value: name },
  { key: keyword(SEARCH_ATTRIBUTE.work), value: work },
  ...(stateAttributes === true
    ? [
        { key: keyword(SEARCH_ATTRIBUTE.state), value: 'running' },
        ...(edition === undefined ? [] : [{ key: keyword(SEARCH_ATTRIBUTE.edition), value: edition }]),
      ]
    : []),
];

/** What a batch is, for the head of its page in the Web UI; Markdown. How it stands is told by the Workflow itself. */
export function batchDetails(batch: BatchInput): string {
  const { work, manifest, effects, concurrency, startedBy } = batch;
  const command = markdownCommand(batch);
  const by = startedBy.replace(/[^\p{L}\p{N}@._ -]/gu, '');
  return [
    `${manifest.count} jobs of **${work}**, ${concurrency} at once; effects of each: ${effects.join(', ')}.`,
    `Started by ${by}.`,
    '',
    `Follow it: ${command('watch')}. What landed: ${command('ledger', 'show')}. Costs: ${command('costs')}.`,
  ].join('\n');
}
