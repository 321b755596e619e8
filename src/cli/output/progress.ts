/** Progress for people: a bar on a terminal, a line now and then elsewhere, always on standard error. */
import { duration } from "../../system/text/duration.js";
import { type BarState, barText, speedText } from "./progress-bar.js";
import { type Terminal, terminal } from "./terminal.js";

export interface Progress {
  /**
   * `notes` are values that are not counts, such as loss, rate, accuracy; the most important first, as the last are
   * dropped first.
   */
  update(done: number, notes?: readonly string[]): void;
  stop(): void;
}

export interface ProgressOptions {
  readonly title: string;
  readonly total: number;
  /** Word for what is counted, such as "images". */
  readonly unit: string;
  /** What was done before, which does not count towards the speed. */
  readonly begun?: number;
  readonly quiet?: boolean;
}

const silent: Progress = { update: () => undefined, stop: () => undefined };

/** Milliseconds between lines where there is no terminal. */
const lineInterval = 10_000;
/** Milliseconds between two redraws of a bar. */
const drawInterval = 50;

export function createProgress(options: ProgressOptions, screen: Terminal = terminal): Progress {
  if (options.quiet) return silent;
  return screen.interactive ? barProgress(options, screen) : lineProgress(options, screen);
}

function barProgress(options: ProgressOptions, screen: Terminal): Progress {
  const meter = speedMeter(options);
  let state: BarState = { ...options, done: options.begun ?? 0, notes: [] };
  let drawn = Number.NEGATIVE_INFINITY;
  const bar = screen.show((columns) => barText(state, columns));
  return {
    update: (done, notes = []) => {
      state = { ...state, done, notes, perSecond: meter(done) };
      const now = performance.now();
      if (now - drawn < drawInterval && done < options.total) return;
      drawn = now;
      bar.redraw();
    },
    stop: bar.end,
  };
}

function lineProgress({ title, total, unit, begun = 0 }: ProgressOptions, screen: Terminal): Progress {
  const meter = speedMeter({ begun });
  let last = performance.now();
  return {
    update: (done, notes = []) => {
      const now = performance.now();
      if (now - last < lineInterval && done < total) return;
      last = now;
      const perSecond = meter(done);
      const left = done < total && perSecond ? [`${duration((total - done) / perSecond)} left`] : [];
      const parts = [`${done}/${total} ${unit}`, speedText(perSecond ?? 0), ...left, ...notes];
      screen.line(`${title}: ${parts.join(", ")}`);
    },
    stop: () => undefined,
  };
}

/** Items per second since the meter was created; undefined before the first one. */
function speedMeter({ begun = 0 }: Pick<ProgressOptions, "begun">): (done: number) => number | undefined {
  const start = performance.now();
  return (done) => (done > begun ? ((done - begun) * 1000) / Math.max(1, performance.now() - start) : undefined);
}
