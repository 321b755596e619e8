/** One stream shared by lines and a bar: lines stand above, the bar is cleared for them and drawn again below. */

/** What of `process.stderr` is needed. */
export interface TextStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string, done?: (error?: Error | null) => void): unknown;
  once(event: "error", listener: () => void): unknown;
}

/** A bar's text for a terminal of so many columns; it must not be longer. */
export type Bar = (columns: number) => string;

const clearBelow = "\r\x1b[J";

export class Terminal {
  /** Bars that live; the last one is shown. */
  readonly #bars: Bar[] = [];
  /** Whether a bar stands on the screen. */
  #drawn = false;
  /** Whether the stream failed: its disk is full, or its reader or terminal is gone. Nothing more is written then. */
  #lost = false;

  /** `stream` is asked for when it is first needed. */
  constructor(private readonly stream: () => TextStream) {}

  /** Whether a bar can be drawn here. */
  get interactive(): boolean {
    return this.stream().isTTY === true && process.env.TERM !== "dumb";
  }

  /** Writes one or more lines; longer ones wrap as the terminal likes. */
  line(text: string): void {
    this.above(() => this.#write(`${text}\n`));
  }

  /** Does what writes lines on the same screen, such as those of standard output. */
  above(write: () => void): void {
    this.#clear();
    write();
    this.#draw();
  }

  /** Shows a bar until the function that comes back is called; calling `redraw` shows what has become of it. */
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
    // The last column stays free: a character there leaves some terminals on this line and others on the next.
    this.#write(bar(Math.max(1, (this.stream().columns || 80) - 1)));
    this.#drawn = true;
  }

  #clear(): void {
    if (!this.#drawn) return;
    this.#drawn = false;
    // The cursor's row alone: of terminals that are made narrower, some wrap the bar and some cut it, and a piece of a
    // bar left behind is better than a line lost.
    this.#write(clearBelow);
  }

  /** A stream that fails takes nothing along: whoever works continues without it. */
  #write(text: string): void {
    if (this.#lost) return;
    const stream = this.stream();
    stream.write(text, (error) => {
      if (!error) return;
      this.#lost = true;
      // The event follows this call, and without a listener it would end the process.
      stream.once("error", () => undefined);
    });
  }
}

/** The process's own: everything that is said on standard error passes through it. */
export const terminal = new Terminal(() => process.stderr);
