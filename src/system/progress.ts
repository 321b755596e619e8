/** Progress for people: a bar on a terminal, a line now and then elsewhere, always on standard error. */
import { SingleBar } from "cli-progress";

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
  readonly quiet?: boolean;
}

const silent: Progress = { update: () => undefined, stop: () => undefined };

/** Milliseconds between lines where there is no terminal. */
const lineInterval = 10_000;

export function createProgress({ title, total, unit, quiet = false }: ProgressOptions): Progress {
  if (quiet) return silent;
  const start = performance.now();
  const speed = (done: number) => ((done * 1000) / Math.max(1, performance.now() - start)).toFixed(0);
  if (process.stderr.isTTY) {
    const bar = new SingleBar({
      format: `${title} {bar} {percentage}% | {value}/{total} ${unit} | {speed}/s | {eta_formatted} left {note}`,
      barCompleteChar: "█",
      barIncompleteChar: "░",
      hideCursor: true,
      stream: process.stderr,
    });
    bar.start(total, 0, { speed: "0", note: "" });
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
      console.error(`${title}: ${done}/${total} ${unit}, ${speed(done)}/s${note ? `, ${note}` : ""}`);
    },
    stop: () => undefined,
  };
}
