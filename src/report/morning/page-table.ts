import { markup, type Html } from './html.js';

export interface Column {
  readonly title: string;
  readonly kind?: 'number' | 'when' | 'wide';
}

type Cell = Html | string | readonly Html[];

export interface TableOptions {
  /** On a phone each row stands by itself, cell below cell: for rows of words that are read one by one. */
  readonly stacks?: boolean;
}

/** A table that scrolls by itself where it is too wide, also by keyboard. */
export const table = (
  label: string,
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  { stacks = false }: TableOptions = {},
): Html =>
  markup`<div class="scroll${stacks && ' stacks'}" role="region" aria-label="${label}" tabindex="0">
    <table>
      <thead>
        <tr>
          ${columns.map(({ title, kind }) => markup`<th scope="col" ${classOf(kind)}>${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            markup`<tr>
              ${row.map(
                (cell, at) =>
                  markup`<td${classOf(columns[at]?.kind)}${stacks && markup` data-title="${columns[at]?.title ?? ''}"`}>${cell}</td>`,
              )}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;

const classOf = (kind: Column['kind']): Html | undefined => (kind ? markup` class="${kind}"` : undefined);
