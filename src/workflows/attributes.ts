import { SearchAttributeType, defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';
import type { BatchInput, Ticket } from '../contract/messages.js';
import { SEARCH_ATTRIBUTE, SEARCH_ATTRIBUTE_MAX } from '../contract/search-attributes.js';

/**
 * What the Web UI filters by. Those set at the start are free; each later change is a billed action, so a batch changes
 * its own at milestones, and a job only when it ends unfinished.
 */
const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);
const BATCH = keyword(SEARCH_ATTRIBUTE.batch);
const WORK = keyword(SEARCH_ATTRIBUTE.work);
const SITE = keyword(SEARCH_ATTRIBUTE.site);
const EDITION = keyword(SEARCH_ATTRIBUTE.edition);
const JOB = keyword(SEARCH_ATTRIBUTE.job);
const STATE = keyword(SEARCH_ATTRIBUTE.state);
const ERROR_CLASS = keyword(SEARCH_ATTRIBUTE.errorClass);

export const jobAttributes = (batch: BatchInput, { site, edition, title }: Ticket): SearchAttributePair[] => [
  { key: BATCH, value: batch.name },
  { key: WORK, value: batch.work },
  ...(site === undefined ? [] : [{ key: SITE, value: site.slice(0, SEARCH_ATTRIBUTE_MAX) }]),
  ...(batch.stateAttributes === true
    ? [
        { key: JOB, value: title.slice(0, SEARCH_ATTRIBUTE_MAX) },
        ...(edition === undefined ? [] : [{ key: EDITION, value: edition.slice(0, SEARCH_ATTRIBUTE_MAX) }]),
      ]
    : []),
];

/** @param errorClass why it does not go on */
export function noteState(state: string, errorClass?: string): void {
  upsertSearchAttributes([
    { key: STATE, value: state },
    ...(errorClass === undefined ? [] : [{ key: ERROR_CLASS, value: errorClass }]),
  ]);
}
