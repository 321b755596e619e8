/** The packaged recipe that fits the data if none was given, as settings. */
import { classBalance, countsOf } from "../../data/dataset/class-balance.js";
import type { Dataset } from "../../data/dataset/dataset.js";
import { sampledSide } from "../../data/view/sampled-side.js";
import { usualModel } from "../../models/registry.js";
import { architectureSettings } from "../../models/settings.js";
import { cachedHubWeights } from "../../weights/cached.js";
import { changed } from "./changed.js";
import { type ChosenRecipe, chooseRecipe, type FoundData, type StartingPoint } from "./chosen.js";
import { describedWeights } from "./described-weights.js";
import { readRecipe } from "./file.js";

/** What the choice depends on besides the data. */
export interface FittingOptions {
  /** The settings that the caller has decided on. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** There must be steps, whatever the settings say. */
  readonly steps?: boolean;
  /** The model is the caller's own, which no packaged recipe or published weights are for. */
  readonly ownModel?: boolean;
  /** The loss is the caller's own. */
  readonly ownLoss?: boolean;
}

/** Settings that do not say how steps go. */
const stepless = new Set([
  ...["about", "why", "model", "finetune", "seed", "batchSize", "accumulate", "normalization", "exif"],
  ...["evaluationCropRatio", "cropMode", "borderColor", "interpolation", ...Object.keys(architectureSettings)],
]);

/**
 * Chooses by the training images; the settings are those of the recipe, of the weights, and those that fit the data.
 */
export async function fittingRecipe(
  training: Dataset,
  { settings, steps = false, ownModel = false, ownLoss = false }: FittingOptions,
): Promise<{ readonly chosen: ChosenRecipe; readonly settings: Record<string, unknown> }> {
  const { batchSize, finetune, model } = settings;
  const start = await startingPoint(settings, ownModel);
  const chosen = chooseRecipe(await foundIn(training), start, {
    batchSize: typeof batchSize === "number" ? batchSize : undefined,
    several: training.labelsOf !== undefined,
    steps: steps || training.labelsOf !== undefined || Object.keys(settings).some((key) => !stepless.has(key)),
    model: ownModel || model !== undefined,
    classes:
      ownLoss ||
      training.labelsOf !== undefined ||
      ["classWeights", "sampling", "cosub", "loss"].some((key) => settings[key] !== undefined),
  });
  const weights = chosen.changes.finetune ?? (typeof finetune === "string" ? finetune : undefined);
  const name = typeof model === "string" && !ownModel ? model : undefined;
  const described = weights === undefined ? {} : await describedWeights(weights, name);
  return { chosen, settings: changed({ ...(await readRecipe(chosen.name)), ...described }, chosen.changes) };
}

async function foundIn(training: Dataset): Promise<FoundData> {
  const balance = classBalance(countsOf(training));
  return {
    images: training.length,
    classes: training.classes.length,
    side: await sampledSide(training),
    unequal: balance?.isUnequal ? { least: balance.least, most: balance.most } : undefined,
  };
}

/**
 * Weights in the hub's cache are a start only where the settings leave it open: of the model that they name, of its own
 * sizes, and not for a student, which its caller starts as the teacher deserves.
 */
async function startingPoint(settings: Readonly<Record<string, unknown>>, ownModel: boolean): Promise<StartingPoint> {
  if (settings.finetune !== undefined) return { kind: "given" };
  const sized = Object.keys(architectureSettings).some((key) => key !== "imageSize" && settings[key] !== undefined);
  const taught = ["init", "cosub", "features", "distillation", "teacher", "teacherWeights", "teachers"];
  if (ownModel || sized || taught.some((key) => settings[key] !== undefined)) return { kind: "nothing" };
  const { model = usualModel } = settings;
  const found = typeof model === "string" ? await cachedHubWeights(model) : undefined;
  return found ? { kind: "cached", ...found } : { kind: "nothing" };
}
