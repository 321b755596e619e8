/** What `train` chooses if its caller does not: the recipe that fits the data, and the part held out for testing. */
import type { Dataset, OpenOptions, SplitRule } from "../data/dataset/dataset.js";
import { partOf } from "../data/dataset/split.js";
import { architectureSettings } from "../models/settings.js";
import { type DataPlace, openForTraining, placeName } from "../training/feed/data-place.js";
import { hasMeasuredPart } from "../training/feed/measured-data.js";
import { setAside } from "../training/recipe/chosen.js";
import { type FittingOptions, fittingRecipe } from "../training/recipe/fitting.js";

/** What was chosen, and the sentences that report it. */
export interface Chosen<T> {
  readonly value: T;
  readonly notes: readonly string[];
}

/** How the data of a run is divided. */
export interface ChosenSplit extends Chosen<SplitRule> {
  /** The images of the data before they were divided, if they had to be opened to decide. */
  readonly whole?: Dataset;
}

/** How data is listened to and stopped while it is opened. */
export type Opening = Pick<OpenOptions, "signal" | "onProgress">;

/** A share for testing if the data has no part for it and none is given; chosen as by `deit train`. */
export async function chosenSplit(data: DataPlace, opening: Opening): Promise<ChosenSplit> {
  if (typeof data === "string" && (await hasMeasuredPart(data, opening.onProgress)))
    return { value: { kind: "given" }, notes: [] };
  const whole = await openForTraining(data, opening);
  const share = setAside(whole.length);
  const note = `"${placeName(data)}" has no part with labels for validation or testing, so ${100 * share} % of each class is held out for it; the option split changes the share, validation gives other data, and split: "given" measures nothing.`;
  return { value: { kind: "hash", share }, notes: [note], whole };
}

/** The images for training, opened once for all that is decided by them. */
export async function trainingPart(data: DataPlace, { value: rule, whole }: ChosenSplit, opening: Opening) {
  return whole ? partOf(whole, rule, "train") : openForTraining(data, { rule, ...opening });
}

/** Settings of the packaged recipe that fits the images for training; as `deit train` chooses. */
export async function chosenSettings(
  training: Dataset,
  options: FittingOptions,
): Promise<Chosen<Record<string, unknown>>> {
  const { chosen, settings } = await fittingRecipe(training, options);
  const note = `The recipe is ${chosen.name}, as none was given: ${chosen.why}. The option recipe names another one.`;
  return { value: settings, notes: [note] };
}

/** A recipe's settings without the sizes of its model, where one of the caller's own, `name`, takes its place. */
export function withoutSizes(
  settings: Readonly<Record<string, unknown>>,
  name: string,
): Chosen<Record<string, unknown>> {
  const sizes = settings.model === name ? [] : Object.keys(settings).filter((key) => key in architectureSettings);
  const value = Object.fromEntries(Object.entries(settings).filter(([key]) => !sizes.includes(key)));
  if (sizes.length === 0) return { value, notes: [] };
  const left = sizes.map((key) => `${key}=${JSON.stringify(settings[key])}`).join(", ");
  const note = `The recipe's ${left} ${sizes.length === 1 ? "is" : "are"} for its own model and left out for "${name}"; settings: { … } sets options of yours.`;
  return { value, notes: [note] };
}
