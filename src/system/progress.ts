/** Progress for people: a bar on a terminal, a line now and then elsewhere, always on standard error. */
import { SingleBar } from "cli-progress";
import { duration } from "./duration.js";

export interface Progress {
  /** `note` says what cannot be counted: loss, rate, accuracy. */
  update(done: number, note?: string): void;
  stop(): void;
}

export interface ProgressOptions {
  readonly title: string;
  readonly total: number;
  /** Word for what is counted, as "images". */
  readonly unit: string;
  /** What was done before, which tells nothing about the speed. */
  readonly begun?: number;
  readonly quiet?: boolean;
}

const silent: Progress = { update: () => undefined, stop: () => undefined };

/** Milliseconds between lines where there is no terminal. */
const lineInterval = 10_000;
/** Columns that the text beside a bar may take. */
const textColumns = 120;

export function createProgress({ title, total, unit, begun = 0, quiet = false }: ProgressOptions): Progress {
  if (quiet) return silent;
  const start = performance.now();
  const perSecond = (done: number) => ((done - begun) * 1000) / Math.max(1, performance.now() - start);
  const speed = (done: number) => perSecond(done).toFixed(0);
  if (process.stderr.isTTY) {
    const bar = new SingleBar({
      format: `${title} {bar} {percentage}% | {value}/{total} ${unit} | {speed}/s | {eta_formatted} left {note}`,
      barCompleteChar: "█",
      barIncompleteChar: "░",
      // What overflows is cut off, so the bar yields to what stands behind it.
      barsize: Math.max(8, Math.min(40, process.stderr.columns - textColumns)),
      hideCursor: true,
      stream: process.stderr,
    });
    bar.start(total, begun, { speed: "0", note: "" });
    return {
      update: (done, note = "") => bar.update(done, { speed: speed(done), note: note && `| ${note}` }),
      stop: () => bar.stop(),
    };
  }
  let last = start;
  return {
    update: (done, note) => {
      const now = performance.now();
      if (now - last < lineInterval && done < total) return;
      last = now;
      const left = done < total && done > begun ? `, ${duration((total - done) / perSecond(done))} left` : "";
      console.error(`${title}: ${done}/${total} ${unit}, ${speed(done)}/s${left}${note ? `, ${note}` : ""}`);
    },
    stop: () => undefined,
  };
}
