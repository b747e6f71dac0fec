import { styleText } from 'node:util';
import { lineWidth, rendered, type Line, type Paint, unpainted } from '../report/line.js';
import { safeJson } from '../report/safe-text.js';

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const CLEAR_BELOW = '\x1b[J';
const COLUMNS_DEFAULT = 80;
const ROWS_DEFAULT = 24;

export interface OutputOptions {
  /** Only results and errors. */
  readonly quiet?: boolean;
  readonly color: boolean;
}

/**
 * Where a verb's lines go: results to stdout, everything else to stderr. Owns the few lines that are redrawn in place
 * on a terminal. Every line passes `rendered`, so nothing that a job or a server said reaches the terminal raw.
 */
export class Output {
  private readonly paintOut: Paint;
  private readonly paintErr: Paint;
  /** Whether the one document of `--json` is out. */
  isDocumented = false;
  private frame: readonly Line[] = [];
  private drawnColumns = COLUMNS_DEFAULT;

  constructor(
    private readonly stdout: NodeJS.WriteStream,
    private readonly stderr: NodeJS.WriteStream,
    private readonly options: OutputOptions,
  ) {
    this.paintOut = painterFor(stdout, options.color);
    this.paintErr = painterFor(stderr, options.color);
  }

  /** A line of the result. */
  result(line: Line | string): void {
    this.stderr.write(this.erased());
    this.stdout.write(`${rendered(asLine(line), this.paintOut)}\n`);
    this.stderr.write(this.drawn());
  }

  results(lines: readonly Line[]): void {
    for (const line of lines) this.result(line);
  }

  /** The one document of `--json`. */
  json(document: unknown): void {
    this.isDocumented = true;
    this.stdout.write(`${safeJson(document)}\n`);
  }

  /** Text for a program, as it is: whoever gives it has made it harmless. */
  text(text: string): void {
    this.stdout.write(text);
  }

  /** What goes on; left out when quiet. */
  progress(line: Line | string): void {
    if (!this.options.quiet) this.note(line);
  }

  /** What must be seen even when quiet. */
  note(line: Line | string): void {
    this.stderr.write(`${this.erased()}${rendered(asLine(line), this.paintErr)}\n${this.drawn()}`);
  }

  /** Whether lines can be redrawn in place. */
  get isLive(): boolean {
    return this.stderr.isTTY && process.env['TERM'] !== 'dumb' && !this.options.quiet;
  }

  get liveColumns(): number {
    return this.stderr.columns || COLUMNS_DEFAULT;
  }

  get liveRows(): number {
    return this.stderr.rows || ROWS_DEFAULT;
  }

  /** Columns of the results, when a person reads them on a terminal. */
  get resultColumns(): number | undefined {
    return this.stdout.isTTY ? this.stdout.columns || COLUMNS_DEFAULT : undefined;
  }

  /** Puts these lines in place of those drawn before. */
  live(lines: readonly Line[]): void {
    if (!this.isLive) return;
    const erased = this.erased();
    this.frame = lines.slice(0, this.liveRows - 1);
    this.stderr.write(`${erased}${this.drawn()}`);
  }

  /** Takes the live lines away and gives the cursor back. May be called at any time, any number of times. */
  endLive(): void {
    if (this.frame.length === 0) return;
    this.stderr.write(`${this.erased()}${SHOW_CURSOR}`);
    this.frame = [];
  }

  private drawn(): string {
    if (this.frame.length === 0) return '';
    this.drawnColumns = this.liveColumns;
    const lines = this.frame.map((line) => rendered(line, this.paintErr, this.drawnColumns - 1));
    return `${HIDE_CURSOR}${lines.join('\n')}\n`;
  }

  private erased(): string {
    if (this.frame.length === 0) return '';
    // A terminal made narrower since has wrapped what was drawn.
    const rowsOf = (line: Line) =>
      Math.max(1, Math.ceil(Math.min(lineWidth(line), this.drawnColumns - 1) / this.liveColumns));
    const rows = this.frame.reduce((sum, line) => sum + rowsOf(line), 0);
    return `\r\x1b[${rows}A${CLEAR_BELOW}`;
  }
}

const asLine = (line: Line | string): Line => (typeof line === 'string' ? [line] : line);

/** styleText obeys NO_COLOR, FORCE_COLOR and whether the stream is a terminal. */
const painterFor = (stream: NodeJS.WriteStream, color: boolean): Paint =>
  color ? (style, text) => styleText(style, text, { stream, validateStream: true }) : unpainted;
