/** What `train` decides where its caller does not: the recipe that fits the data, and what is set aside for testing. */
import type { SplitRule } from "../data/dataset/dataset.js";
import { type DataPlace, openForTraining, placeName } from "../training/feed/data-place.js";
import { hasMeasuredPart } from "../training/feed/measured-data.js";
import { setAside } from "../training/recipe/chosen.js";
import { type FittingOptions, fittingRecipe } from "../training/recipe/fitting.js";

/** What was decided, and the sentences that say so. */
export interface Chosen<T> {
  readonly value: T;
  readonly notes: readonly string[];
}

/** A share for testing where the data has no part for it and none is named; as `deit train` chooses. */
export async function chosenSplit(data: DataPlace, signal?: AbortSignal): Promise<Chosen<SplitRule>> {
  if (typeof data === "string" && (await hasMeasuredPart(data))) return { value: { kind: "given" }, notes: [] };
  const share = setAside((await openForTraining(data, { signal })).length);
  const note = `"${placeName(data)}" has no part with labels for validation or testing, so ${100 * share} % of each class is held out for it; the option split changes the share, validation gives other data, and split: "given" measures nothing.`;
  return { value: { kind: "hash", share }, notes: [note] };
}

/** Settings of the packaged recipe that fits the data; as `deit train` chooses. */
export async function chosenSettings(
  data: DataPlace,
  rule: SplitRule,
  options: FittingOptions,
): Promise<Chosen<Record<string, unknown>>> {
  const { chosen, settings } = await fittingRecipe(await openForTraining(data, { rule }), options);
  const note = `The recipe is ${chosen.name}, as none was given: ${chosen.why}.`;
  return { value: settings, notes: [note] };
}
