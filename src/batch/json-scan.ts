/**
 * Looks at the text of one JSON value before `JSON.parse` does. Finds what that parser does not tell: where a
 * mistake is, a field that is written twice (it would keep the last in silence), where each field stands.
 */

/** Deepest nesting of a job: everything that walks a value may then simply recurse. */
export const JSON_DEPTH_MAX = 100;

/** A field of the scanned object. Offsets count UTF-16 units of the whole text. */
export interface Member {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

export type JsonScan =
  | { readonly ok: true; readonly end: number; readonly members: readonly Member[] }
  | { readonly ok: false; readonly offset: number; readonly message: string };

/** Scans the value that begins at or after `from`. `members` are those of the outermost object. */
export function scanJson(text: string, from = 0): JsonScan {
  const scanner = new Scanner(text, from);
  try {
    scanner.space();
    scanner.value(0);
    return { ok: true, end: scanner.at, members: scanner.members };
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    return { ok: false, offset: error.offset, message: error.message };
  }
}

/** Offset of the next character that is no JSON white space. */
export function afterSpace(text: string, from: number): number {
  let at = from;
  while (' \n\r\t'.includes(text[at] ?? 'x')) at += 1;
  return at;
}

class Mistake extends Error {
  constructor(
    readonly offset: number,
    message: string,
  ) {
    super(message);
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

class Scanner {
  readonly members: Member[] = [];

  constructor(
    private readonly text: string,
    public at: number,
  ) {}

  space(): void {
    this.at = afterSpace(this.text, this.at);
  }

  value(depth: number): void {
    if (depth > JSON_DEPTH_MAX) this.fail(`is nested more than ${JSON_DEPTH_MAX} deep`);
    const character = this.text[this.at];
    if (character === '{') this.object(depth);
    else if (character === '[') this.list(depth);
    else if (character === '"') this.string();
    else if (!this.skip(WORD) && !this.skip(NUMBER)) this.fail(this.unexpected('a value'));
  }

  private object(depth: number): void {
    const names = new Set<string>();
    this.sequence('}', () => {
      if (this.text[this.at] !== '"') this.fail(this.unexpected('a field name in double quotes'));
      const nameStart = this.at;
      const name = JSON.parse(this.string()) as string;
      if (names.has(name)) this.fail(`has the field ${JSON.stringify(name)} twice`, nameStart);
      names.add(name);
      this.space();
      this.expect(':');
      this.space();
      const start = this.at;
      this.value(depth + 1);
      if (depth === 0) this.members.push({ name, start, end: this.at });
    });
  }

  private list(depth: number): void {
    this.sequence(']', () => this.value(depth + 1));
  }

  private sequence(close: string, entry: () => void): void {
    this.at += 1;
    this.space();
    if (this.text[this.at] === close) {
      this.at += 1;
      return;
    }
    for (;;) {
      entry();
      this.space();
      if (this.text[this.at] === close) break;
      if (this.text[this.at] !== ',') this.fail(this.unexpected(`"," or "${close}"`));
      this.at += 1;
      this.space();
    }
    this.at += 1;
  }

  private string(): string {
    const start = this.at;
    this.at += 1;
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (Number.isNaN(code)) this.fail('has a text without its closing quote', start);
      if (code === 0x22) break;
      if (code === 0x5c) {
        if (!this.skip(ESCAPE)) this.fail('has an escape that JSON does not know');
      } else if (code < 0x20) {
        this.fail(
          code === 0x0a ? 'has a text without its closing quote' : 'has a control character in a text',
        );
      } else {
        this.at += 1;
      }
    }
    this.at += 1;
    return this.text.slice(start, this.at);
  }

  private expect(character: string): void {
    if (this.text[this.at] !== character) this.fail(this.unexpected(`"${character}"`));
    this.at += 1;
  }

  private skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }

  private unexpected(wanted: string): string {
    const found = this.text[this.at];
    return `is no valid JSON: ${wanted} should stand here${found === undefined ? ', and the text ends' : ''}`;
  }

  private fail(message: string, offset = this.at): never {
    throw new Mistake(offset, message);
  }
}
