/** One stream shared by lines and a bar: the bar is cleared before a line is written and redrawn below it. */

/** The part of `process.stderr` that is needed. */
export interface TextStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string, done?: (error?: Error | null) => void): unknown;
  once(event: "error", listener: () => void): unknown;
}

/** A bar's text for a terminal of this many columns; it must not be longer. */
export type Bar = (columns: number) => string;

const clearBelow = "\r\x1b[J";

export class Terminal {
  /** Active bars; the last one is shown. */
  readonly #bars: Bar[] = [];
  /** Whether a bar is on the screen. */
  #drawn = false;
  /**
   * Whether the stream failed because its disk is full, or its reader or terminal is gone. Nothing more is written
   * then.
   */
  #lost = false;

  /** `stream` is called when it is first needed. */
  constructor(private readonly stream: () => TextStream) {}

  /** Whether a bar can be drawn here. */
  get interactive(): boolean {
    return this.stream().isTTY === true && process.env.TERM !== "dumb";
  }

  /** Writes one or more lines; the terminal wraps long ones. */
  line(text: string): void {
    this.above(() => this.#write(`${text}\n`));
  }

  /** Runs a function that writes lines to the same screen, such as those of standard output. */
  above(write: () => void): void {
    this.#clear();
    write();
    this.#draw();
  }

  /** Shows a bar until `end` is called; `redraw` updates it. */
  show(bar: Bar): { redraw(): void; end(): void } {
    this.#clear();
    this.#bars.push(bar);
    this.#draw();
    return {
      redraw: () => {
        if (this.#bars.at(-1) !== bar) return;
        this.#clear();
        this.#draw();
      },
      end: () => {
        const at = this.#bars.indexOf(bar);
        if (at < 0) return;
        this.#clear();
        this.#bars.splice(at, 1);
        this.#draw();
      },
    };
  }

  #draw(): void {
    const bar = this.#bars.at(-1);
    if (!bar || !this.interactive) return;
    // The last column stays free: after a character there, terminals differ in which line the cursor is on.
    this.#write(bar(Math.max(1, (this.stream().columns || 80) - 1)));
    this.#drawn = true;
  }

  #clear(): void {
    if (!this.#drawn) return;
    this.#drawn = false;
    // Only the cursor's row: when narrowed, some terminals wrap the bar and some cut it, and a leftover piece of a bar
    // is better than a lost line.
    this.#write(clearBelow);
  }

  /** A failing stream does not stop the program: work continues without output. */
  #write(text: string): void {
    if (this.#lost) return;
    const stream = this.stream();
    stream.write(text, (error) => {
      if (!error) return;
      this.#lost = true;
      // The event follows this call, and would end the process without a listener.
      stream.once("error", () => undefined);
    });
  }
}

/** The process's own: everything written to standard error passes through it. */
export const terminal = new Terminal(() => process.stderr);
