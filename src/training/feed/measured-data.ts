/** The evaluation data of a run: the data's parts for validation and testing, a held-out share, or other data. */
import { type Dataset, type PartName, sayings } from "../../data/dataset/dataset.js";
import type { OnOpening } from "../../data/dataset/opening.js";
import {
  type FoundPart,
  foundPart,
  openDataset,
  openForMeasuring,
  partIfThere,
  passedOver,
} from "../../data/sources/open.js";
import { NoSuchPartError, UnlabelledPartError, UsageError } from "../../errors/errors.js";
import { type Message, sentence, setting, way } from "../../errors/sentence.js";
import { warning } from "../run-folder/events.js";
import { openingOf, ownMeasured, ownPart, placeName } from "./data-place.js";
import type { DataOptions } from "./training-data.js";

export interface MeasuredData {
  /** Evaluated after each epoch; the best weights are chosen on it. */
  readonly test?: Dataset;
  /**
   * The part that `test` is. If the test part is also used for choosing, its accuracy is too optimistic, so this is
   * noted.
   */
  readonly testPart?: "validation" | "test";
  /** If `test` is the validation part: the data on which the best weights are evaluated once, at the end. */
  readonly final?: Dataset;
}

type Asked = Pick<DataOptions, "data" | "validation" | "test" | "split" | "onEvent">;

/**
 * Finds it. A part without labels is skipped with a note if there is a different one; any other problem with a part is
 * an error. If there is no evaluation data, that is a warning, and the last epoch counts as the best.
 */
export async function measuredData(options: Asked, classes: readonly string[]): Promise<MeasuredData> {
  const warn = (text: Message) => options.onEvent?.(warning(text));
  const validation = await partFor("validation", options, classes);
  // Explicitly given data replaces the data's own parts.
  const named = options.validation !== undefined && options.test === undefined;
  const test = named ? undefined : await partFor("test", options, classes);
  const datasets = [validation, test].flatMap((found) => (found?.kind === "there" ? [found.dataset] : []));
  for (const note of new Set(datasets.flatMap((dataset) => sayings(dataset)))) warn(note);
  if (validation.kind === "there") {
    if (test?.kind === "unlabelled") warn(passedOver("test", test.error, "validation"));
    return {
      test: validation.dataset,
      testPart: "validation",
      final: test?.kind === "there" ? test.dataset : undefined,
    };
  }
  if (validation.kind === "absent" && options.split !== undefined && options.split.kind !== "given") {
    warn(sentence`${validation.error.text} Accuracy is not measured.`);
    return {};
  }
  if (test?.kind === "there") {
    if (validation.kind === "unlabelled") warn(passedOver("validation", validation.error, "test"));
    return { test: test.dataset, testPart: "test" };
  }
  for (const found of [validation, test]) if (found?.kind === "unlabelled") throw withWaysOut(found.error);
  warn(
    sentence`"${placeName(options.data)}" has no part for validation or testing, so accuracy is not measured.${way` Hold out a share with ${setting("split", 0.2)}, or give other data with ${setting("validation")}.`}`,
  );
  return {};
}

/**
 * Whether the data has its own part for evaluation; an unlabelled test part, as in competitions, does not count. Throws
 * FileError if a part cannot be used.
 */
export async function hasMeasuredPart(data: string, onProgress?: OnOpening): Promise<boolean> {
  const validation = await partIfThere(data, { split: "validation", onProgress });
  if (validation.kind === "unlabelled") throw withWaysOut(validation.error);
  if (validation.kind !== "absent") return validation.kind === "there";
  if ((await partIfThere(data, { split: "test", onProgress })).kind !== "there") return false;
  // Names such as ILSVRC2012_test_00000001.JPEG begin like those of classes, and are none of them.
  const { classes } = await openDataset(data, { split: "train", onProgress });
  return (await partIfThere(data, { split: "test", classes, onProgress })).kind === "there";
}

async function partFor(
  part: Exclude<PartName, "train">,
  { data, validation, test, split: rule, onEvent }: Asked,
  classes: readonly string[],
): Promise<FoundPart> {
  const onProgress = openingOf(onEvent);
  const other = { validation, test }[part];
  const divided = rule !== undefined && rule.kind !== "given";
  if (part === "validation" && other !== undefined && divided)
    throw new UsageError(
      sentence`${setting("validation")} and ${setting("split")} both say what to measure on; remove one.`,
    );
  if (other !== undefined && typeof other !== "string") return { kind: "there", dataset: ownMeasured(other, classes) };
  if (other !== undefined) return { kind: "there", ...(await openForMeasuring(other, { classes, onProgress })) };
  if (typeof data !== "string")
    return part === "validation" && divided
      ? foundPart(() => ownPart(data, rule, part))
      : { kind: "absent", error: new NoSuchPartError(data.name, `"${data.name}" has no part for ${part}.`, []) };
  const divides = part === "validation" && divided;
  return partIfThere(data, { split: part, rule: divides ? rule : undefined, classes, onProgress });
}

const withWaysOut = ({ path, text }: UnlabelledPartError): UnlabelledPartError =>
  new UnlabelledPartError(
    path,
    sentence`${text} The data has no other part to measure on${way`: hold out a share of the training images with ${setting("split", 0.2)}, or give data with labels with ${setting("validation")}`.or`: hold out a share of the training images with ${setting("split", 0.2)}`}.`,
  );
