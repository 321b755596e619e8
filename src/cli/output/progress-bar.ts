/**
 * A progress bar as text of a given width: the least important parts are dropped first, and nothing is cut in the
 * middle.
 */
import stringWidth from "string-width";
import { duration } from "../../system/text/duration.js";

export interface BarState {
  readonly title: string;
  readonly total: number;
  readonly unit: string;
  readonly done: number;
  /** The most important first. */
  readonly notes: readonly string[];
  /** Undefined while the speed is unknown. */
  readonly perSecond?: number;
}

/** What a bar shows besides title, share, time left and its first notes. */
interface Shown {
  readonly notes: number;
  readonly bar: boolean;
  readonly counts: "with unit" | "bare" | "none";
  readonly speed: boolean;
}

const everything: Shown = { notes: Number.POSITIVE_INFINITY, bar: true, counts: "with unit", speed: true };
/** From most to least detailed. */
const choices: readonly Shown[] = [
  everything,
  { ...everything, notes: 3 },
  { ...everything, notes: 2 },
  { ...everything, notes: 2, counts: "bare" },
  { ...everything, notes: 2, counts: "bare", bar: false },
  { notes: 2, counts: "none", bar: false, speed: true },
  { notes: 2, counts: "none", bar: false, speed: false },
  { notes: 1, counts: "none", bar: false, speed: false },
  { notes: 0, counts: "none", bar: false, speed: false },
];

/** Minimum and maximum width of the bar itself, in columns. */
const [leastBar, mostBar] = [8, 40];

/** The most detailed text that fits into this many columns. */
export function barText(state: BarState, columns: number): string {
  for (const shown of choices) {
    const text = textOf(state, shown);
    const room = columns - stringWidth(text) - stringWidth(state.title) - 1;
    if (!shown.bar && room >= 0) return `${state.title} ${text}`;
    if (shown.bar && room > leastBar)
      return `${state.title} ${barOf(shareOf(state), Math.min(mostBar, room - 1))} ${text}`;
  }
  const text = textOf(state, choices[choices.length - 1]);
  const room = columns - stringWidth(text) - 1;
  return room > 1 ? `${cut(state.title, room)} ${text}` : cut(text, columns);
}

export function speedText(perSecond: number): string {
  return `${perSecond.toFixed(perSecond > 0 && perSecond < 0.95 ? 2 : 0)}/s`;
}

const shareOf = ({ done, total }: BarState): number => (total > 0 ? Math.min(1, Math.max(0, done / total)) : 0);

function textOf(state: BarState, shown: Shown): string {
  const { done, total, unit, notes, perSecond } = state;
  return [
    `${Math.floor(100 * shareOf(state))} %`,
    ...(shown.counts === "none" ? [] : [`${done}/${total}${shown.counts === "with unit" ? ` ${unit}` : ""}`]),
    ...(shown.speed && perSecond !== undefined ? [speedText(perSecond)] : []),
    ...(perSecond && done < total ? [`${duration((total - done) / perSecond)} left`] : []),
    ...notes.slice(0, shown.notes),
  ].join(", ");
}

function barOf(share: number, cells: number): string {
  const full = Math.round(share * cells);
  return "█".repeat(full) + "░".repeat(cells - full);
}

function cut(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let kept = "";
  for (const character of text) {
    if (stringWidth(kept + character) > columns - 1) break;
    kept += character;
  }
  return `${kept}…`;
}
