import type { Element, ElementContent, Root, RootContent, Text } from 'hast';
import { ID_PREFIX } from './sanitise-schema.js';

type Parent = Root | Element;

/** Links within the text follow the ids that have got a prefix. */
export const anchorIds =
  () =>
  (tree: Root): void => {
    const ids = new Set<unknown>();
    forEachElement(tree, ({ properties }) => ids.add(properties['id']));
    forEachElement(tree, ({ properties }) => {
      const { href } = properties;
      if (typeof href !== 'string' || !href.startsWith('#')) return;
      const id = `${ID_PREFIX}${href.slice(1)}`;
      if (ids.has(id)) properties['href'] = `#${id}`;
    });
  };

/** C0 and C1 controls except tab and line feed, and the characters that turn the direction of what follows. */
// eslint-disable-next-line no-control-regex -- exactly what must go
const UNWANTED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Characters that nobody sees but that change what is read are taken out; the rest is Unicode NFC. */
export const plainCharacters =
  () =>
  (tree: Root): void => {
    const plain = (text: string): string => text.replace(UNWANTED, '').normalize('NFC');
    forEachText(tree, (text) => (text.value = plain(text.value)));
    forEachElement(tree, ({ properties }) => {
      for (const [name, value] of Object.entries(properties))
        if (typeof value === 'string') properties[name] = plain(value);
    });
  };

/** A line break in running text becomes a space; in `pre` each one counts. */
export const joinSoftBreaks =
  () =>
  (tree: Root): void => {
    forEachText(
      tree,
      (text) => {
        if (text.value.trim() !== '') text.value = text.value.replace(/[ \t]*\r?\n[ \t]*/g, ' ');
      },
      ({ tagName }) => tagName !== 'pre' && tagName !== 'textarea',
    );
  };

const childrenOf = (parent: Parent): readonly (RootContent | ElementContent)[] => parent.children;

function forEachElement(parent: Parent, act: (element: Element) => void): void {
  for (const child of childrenOf(parent)) {
    if (child.type !== 'element') continue;
    act(child);
    forEachElement(child, act);
  }
}

function forEachText(
  parent: Parent,
  act: (text: Text) => void,
  enter: (element: Element) => boolean = () => true,
): void {
  for (const child of childrenOf(parent)) {
    if (child.type === 'text') act(child);
    if (child.type === 'element' && enter(child)) forEachText(child, act, enter);
  }
}
