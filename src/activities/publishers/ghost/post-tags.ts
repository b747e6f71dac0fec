import type { BodyRequest } from '../publisher.js';
import type { PostTags } from './api.js';
import { effectTag, HIDDEN_TAG, isOurTag, madeFromTag } from './mark.js';
import type { Post } from './schemas.js';

type Tagged = Pick<Post, 'tags'>;

/** Our marks come last: Ghost sees no primary tag where an internal one comes first. */
export const tagsOfNew = (names: readonly string[], request: BodyRequest): PostTags => [
  ...names.map((name) => ({ name })),
  effectTag(request.effectKey),
  madeFromTag(request),
];

/** What a person has added stays, and stays in front. */
export function tagsOfUpdate({ tags }: Tagged, names: readonly string[], request: BodyRequest): PostTags {
  const present = tags.filter(({ name }) => !isOurTag(name));
  const known = new Set(present.map(({ name }) => name.toLowerCase()));
  const added = names.filter((name) => !known.has(name.toLowerCase()));
  const hidden = tags.filter(isHiddenTag);
  return [...present.map(byId), ...tagsOfNew(added, request), ...hidden.map(byId)];
}

export const hideTags = ({ tags }: Tagged): PostTags => [...tags.map(byId), HIDDEN_TAG];

/** Nothing where there is nothing to change. */
export const revealTags = ({ tags }: Tagged): { readonly tags?: PostTags } =>
  tags.some(isHiddenTag) ? { tags: tags.filter((tag) => !isHiddenTag(tag)).map(byId) } : {};

const isHiddenTag = ({ name }: { readonly name: string }): boolean => name === HIDDEN_TAG.name;
const byId = ({ id }: { readonly id: string }) => ({ id });
