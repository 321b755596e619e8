/** What a command chooses if the user gives no recipe, or no part for testing. */

import { placeFromEnvironment } from "../../cluster/rank-environment.js";
import type { Dataset, SplitRule } from "../../data/dataset/dataset.js";
import { parseSplitRule, partOf } from "../../data/dataset/split.js";
import { openDataset } from "../../data/sources/open.js";
import { type Message, sentence } from "../../errors/sentence.js";
import { hasMeasuredPart } from "../../training/feed/measured-data.js";
import { setAside } from "../../training/recipe/chosen.js";
import { fittingRecipe } from "../../training/recipe/fitting.js";
import type { Recipe } from "../../training/recipe/recipe.js";
import { changedBy, type RecipeChoice, resolveRecipe } from "../options/recipe.js";
import { openingBars } from "../output/opening-progress.js";
import { note } from "../output/output.js";

export interface DataChoice {
  readonly data: string;
  /** How the data is divided (default: depends on the data). */
  readonly split?: string;
  readonly validation?: string;
}

/** Reports choices on standard error, unless that is only for errors. */
export const noteUnless = (quiet: boolean | undefined) => (message: Message) => {
  if (!quiet) note(message);
};

/** The given recipe or one that fits the data, with the changes of the command line, and how the data is divided. */
export async function chosenRun(
  options: RecipeChoice & DataChoice & { readonly json?: boolean; readonly steps?: boolean },
): Promise<{ readonly recipe: Recipe; readonly split: SplitRule }> {
  const say = noteUnless(options.json);
  // Errors in the recipe are reported before anything is opened.
  const named = options.recipe === undefined ? undefined : await resolveRecipe(options);
  const split = await chosenSplit(options, say);
  const recipe = named ?? (await resolveRecipe(options, await chosenSettings({ ...options, ...split }, say)));
  return { recipe, split: await parseSplitRule(split.split) };
}

export interface ChosenSplit {
  readonly split: string;
  /** The resulting training part, if the data was opened for the choice. */
  readonly training?: Dataset;
}

/**
 * How the data is divided: according to `split`, or by its own parts, or by a held-out share if it has no part for
 * testing and none is given. `note` receives the sentence about the latter.
 */
export async function chosenSplit(
  { data, split, validation }: DataChoice,
  note: (message: Message) => void,
): Promise<ChosenSplit> {
  if (split !== undefined) return { split };
  if (validation !== undefined || (await hasMeasuredPart(data, openingBars()))) return { split: "given" };
  const whole = await openDataset(data, { split: "train", onProgress: openingBars() });
  const share = setAside(whole.length);
  note(
    `"${data}" has no part with labels for validation or testing, so ${100 * share} % of each class is held out for it; --split changes the share, --validation gives other data, and --split given measures nothing.`,
  );
  return { split: String(share), training: partOf(whole, { kind: "hash", share }, "train") };
}

/**
 * Settings of the recipe that fits the data, for `resolveRecipe` to change further; with `steps` one that trains in
 * steps, in any case. `note` receives the choice.
 */
export async function chosenSettings(
  options: RecipeChoice & DataChoice & ChosenSplit & { readonly steps?: boolean },
  note: (message: Message) => void,
): Promise<Record<string, unknown>> {
  const { data, split } = options;
  const asked = { split: "train", rule: await parseSplitRule(split), onProgress: openingBars() } as const;
  const training = options.training ?? (await openDataset(data, asked));
  const several = placeFromEnvironment() !== undefined;
  const steps = options.steps || several;
  const { chosen, settings } = await fittingRecipe(training, { settings: changedBy(options), steps });
  note(
    sentence`recipe: ${chosen.name}, as none was given: ${chosen.why}. Choose another one with --recipe, or change its settings with --set.\nexpect: ${chosen.expect}.`,
  );
  // Several processes do not fit a head together; a new one then learns faster than the body.
  if (chosen.name !== "finetune" || !several) return settings;
  const together = { headStart: "given", headLrFactor: 10 };
  note(
    "Several processes cannot fit the new head together, so it is trained in steps at ten times the learning rate (headStart=given headLrFactor=10); the first epochs are less accurate than with one process.",
  );
  return { ...settings, ...together };
}
