/** Weights that a run starts or learns from may have been trained on the images that it is evaluated on. */
import { type Dataset, keysOf } from "../../data/dataset/dataset.js";
import { knownImages, readTrainedOn, type TrainedOn } from "../../data/dataset/trained-on.js";
import { trainedOnKey } from "../../data/dataset/trained-on-key.js";
import { type Message, sentence, setting, way } from "../../errors/sentence.js";
import { openSafetensors } from "../../formats/safetensors/safetensors.js";
import { isHubName } from "../../weights/hub-names.js";
import { locateWeights } from "../../weights/locate.js";
import { builtOn, type Recipe } from "../recipe/recipe.js";
import { teachersOf } from "../recipe/teachers.js";

export interface Evaluation {
  /** All training images of the run. */
  readonly found: Dataset;
  /** What it is evaluated on. */
  readonly measured: readonly Dataset[];
}

/**
 * A sentence for each of the recipe's weights that state their training images, if these may include images that the
 * run is evaluated on: its accuracy would be too high. Weights that other programs saved state nothing.
 */
export async function seenImageWarnings(recipe: Recipe, evaluation: Evaluation): Promise<readonly Message[]> {
  const told: Message[] = [];
  for (const weights of new Set([builtOn(recipe), ...teachersOf(recipe).map((one) => one.recipe.teacherWeights)])) {
    const trainedOn = weights === undefined ? undefined : await trainedOnOf(weights);
    const warning = trainedOn && seenImages(weights!, trainedOn, evaluation);
    if (warning) told.push(warning);
  }
  return told;
}

/** As stated in a local file of ours; undefined for all other weights. */
async function trainedOnOf(weights: string): Promise<TrainedOn | undefined> {
  if (isHubName(weights)) return undefined;
  const files = (await locateWeights({ weights }).catch(() => undefined))?.files ?? [];
  if (files.length !== 1 || !files[0].endsWith(".safetensors")) return undefined;
  const { metadata, close } = await openSafetensors(files[0]);
  await close();
  return readTrainedOn(metadata[trainedOnKey], files[0]);
}

export function seenImages(weights: string, { known, split }: TrainedOn, { found, measured }: Evaluation) {
  const total = measured.reduce((n, { length }) => n + length, 0);
  const same = ({ length }: Dataset) => known.some(({ images }) => images === length);
  // Hashing keys takes a while for millions of images, hence the comparison of numbers first. If this run's own training images
  // have the names of those that it is evaluated on, as where each class is numbered from 0 in both folders, names tell nothing.
  const seen = (part: Dataset) => same(part) && isKnown(part, known);
  if (measured.some(seen) && !seen(found))
    return sentence`"${weights}" was trained on images that this run is evaluated on, so its accuracy says little about new images${way`; give other data with ${setting("validation")}`}.`;
  const all = found.length + total;
  if (!split && total > 0 && known.some(({ images }) => images === all))
    return sentence`"${weights}" was trained on ${all} images and none were held out. If they are the ${all} of this run, its accuracy says little about new images${way`; give other data with ${setting("validation")}`}.`;
  if (!split || !known.some(({ images }) => images + split.test.size === all)) return undefined;
  const aside = (keys: readonly string[]) => keys.filter((key) => split.test.has(key)).length;
  const kept = aside(measured.flatMap((part) => keysOf(part)));
  if (kept === total || kept + aside(keysOf(found)) !== split.test.size) return undefined;
  return sentence`${total - kept} of the ${total} images that this run is evaluated on were not held out when "${weights}" was trained, so its accuracy on them may be too high${way`; ${setting("split", split.path)} holds out the same images as then`}.`;
}

const isKnown = (part: Dataset, known: TrainedOn["known"]): boolean => {
  const [{ dataset }] = knownImages(part);
  return known.some((one) => one.dataset === dataset);
};
