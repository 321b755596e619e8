/** The findings of checks, and the words for them. */
import type { Message } from "../../errors/sentence.js";
import type { Survey } from "./survey.js";

export type FindingKind =
  | "unreadable"
  | "refused"
  | "damaged"
  | "misnamed"
  | "unlisted"
  | "unread"
  | "unlabelled"
  | "told"
  | "ignored"
  | "emptyClass"
  | "missingClass"
  | "smallClass"
  | "imbalance"
  | "fewImages"
  | "leakage"
  | "conflict"
  | "duplicate"
  | "crowded"
  | "blank"
  | "tiny"
  | "elongated"
  | "huge"
  | "lowResolution"
  | "trait";

export interface Finding {
  readonly kind: FindingKind;
  /** `serious`: training stops, or its result is misleading. `warning`: worth a look. `note`: good to know. */
  readonly severity: "note" | "warning" | "serious";
  /** Number of images, classes or files concerned. */
  readonly count: number;
  /** The finding, as a sentence. */
  readonly sentence: Message;
  /** What to do about it, as a sentence. */
  readonly advice: Message;
  /** Images by their index in the survey, grouped by what belongs together. */
  readonly groups: readonly (readonly number[])[];
  /** Remarks on single images. */
  readonly remarks?: ReadonlyMap<number, string>;
  /** Names other than of images: folders, files, classes. */
  readonly names?: readonly string[];
}

/** A check examines the whole survey and returns its findings. */
export type Check = (survey: Survey) => readonly Finding[];

/** "1 image", "1,200 images"; "class" becomes "classes". */
export function counted(n: number, noun: string, plural = pluralOf(noun)): string {
  return `${n.toLocaleString("en")} ${n === 1 ? noun : plural}`;
}

const pluralOf = (noun: string): string =>
  noun.endsWith("s") ? `${noun}es` : noun.endsWith("y") ? `${noun.slice(0, -1)}ies` : `${noun}s`;

/** "a", "a and b", "a, b and 3 more". */
export function listed(names: readonly string[], most = 3): string {
  if (names.length > most) return `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
  return names.length < 2 ? (names[0] ?? "") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** Each image in its own group. */
export const alone = (indices: Iterable<number>): number[][] => Array.from(indices, (i) => [i]);
