/**
 * Test-time augmentation: several crops of an image are classified, and the mean of their probabilities decides (Krizhevsky et
 * al. 2012; torchvision's FiveCrop and TenCrop give the crops).
 */

import type { RgbImage } from "../data/pixels/image.js";
import { cropPlaces, evaluationView, type TestCrop } from "../data/view/evaluation.js";
import { made } from "../data/view/plan.js";
import { viewSize } from "../data/view/view-size.js";
import { UsageError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";
import { sentence, setting } from "../errors/sentence.js";
import type { ImageSize } from "../geometry/image-size.js";
import { type EvaluationView, evaluationTransform, type Geometry } from "./view.js";

/** Each kind of crops, and how many there are instead of one. */
const testTimeCrops = {
  /** Each crop and its mirror image. */
  flip: 2,
  /** The four corners and the centre. */
  crops: 5,
  /** Crops of three sizes: all of the shorter side, 0.875 and 0.75 of it. */
  scales: 3,
} as const satisfies Readonly<Record<TestTimeKind, number>>;

/** A kind of test-time augmentation. */
export type TestTimeKind = "flip" | "crops" | "scales";

/** Kinds that are combined, so that their numbers of crops multiply; `["crops", "flip"]` is the ten-crop evaluation. */
export type TestTime = readonly TestTimeKind[];

/** Names of the kinds. */
export const testTimeKinds = Object.keys(testTimeCrops) as readonly TestTimeKind[];

const shares = [1, 0.875, 0.75] as const;

/** A view whose images are cropped several times. */
export interface SeveralCrops {
  /** Crops of an image, for `evaluationTransform`. */
  readonly crops: readonly TestCrop[];
}

/** A view with these crops. Throws UsageError for an unknown or repeated kind, and for one that repeats a single crop. */
export function withCrops<View extends Geometry>(view: View, kinds: TestTime): View & SeveralCrops {
  for (const [i, kind] of kinds.entries()) {
    if (!Object.hasOwn(testTimeCrops, kind))
      throw new UsageError(
        sentence`There is no test-time augmentation ${quoted(String(kind))}; choose among ${testTimeKinds.join(", ")} for ${setting("tta")}.`,
      );
    if (kinds.indexOf(kind) !== i) throw new UsageError(sentence`${setting("tta")} names ${kind} twice; name it once.`);
  }
  const whole = view.cropMode === "squash" && view.cropRatio === 1;
  if (whole && kinds.includes("crops") && !kinds.includes("scales"))
    throw new UsageError(
      sentence`The whole image is squashed to the model's square, so all corners of ${setting("tta")} would be the same crop; leave out crops, or add scales.`,
    );
  const sizes = kinds.includes("scales") ? shares.map((cropRatio) => ({ cropRatio })) : [{}];
  const places = kinds.includes("crops") ? cropPlaces.map((place) => ({ place })) : [{}];
  const sides = kinds.includes("flip") ? [{}, { mirrored: true }] : [{}];
  const crops = sizes.flatMap((size) =>
    places.flatMap((place) => sides.map((side) => ({ ...size, ...place, ...side }))),
  );
  return { ...view, crops };
}

/** Number of crops of each image: what evaluation costs times as much as without. */
export const cropCount = (kinds: TestTime): number => kinds.reduce((product, kind) => product * testTimeCrops[kind], 1);

/**
 * Logits whose softmax is the mean of the softmax of each row: `logits` are `[images, crops, classes]`, the result is
 * `[images, classes]`.
 */
export function meanDecision(logits: Float32Array, crops: number, classes: number): Float32Array {
  if (crops === 1) return logits;
  const images = logits.length / (crops * classes);
  const means = new Float32Array(images * classes);
  const logs = new Float64Array(crops * classes);
  for (let image = 0; image < images; image++) {
    const rows = logits.subarray(image * crops * classes, (image + 1) * crops * classes);
    for (let c = 0; c < crops; c++) {
      const row = rows.subarray(c * classes, (c + 1) * classes);
      const total = logOfSum(row);
      for (let k = 0; k < classes; k++) logs[k * crops + c] = row[k] - total;
    }
    for (let k = 0; k < classes; k++)
      means[image * classes + k] = logOfSum(logs.subarray(k * crops, (k + 1) * crops)) - Math.log(crops);
  }
  return means;
}

/** log Σ eˣ; NaN if one of them is. */
function logOfSum(values: Float32Array | Float64Array): number {
  let largest = -Infinity;
  for (const x of values) largest = Math.max(largest, x);
  if (!Number.isFinite(largest)) return largest;
  let sum = 0;
  for (const x of values) sum += Math.exp(x - largest);
  return largest + Math.log(sum);
}

/** The decision on an image: `logits` of each of its crops, which are computed one at a time. */
export async function logitsOfCrops(
  image: RgbImage,
  view: EvaluationView & SeveralCrops,
  logits: (crop: Uint8Array, size: ImageSize) => Promise<Float32Array>,
): Promise<Float32Array> {
  const rows: Float32Array[] = [];
  for (const crop of view.crops) {
    const transform = evaluationTransform({ ...view, crops: [crop] });
    rows.push(await logits(made(evaluationView(image, transform), image), viewSize(image, transform)));
  }
  return decisionOf(rows, rows.length, rows[0].length);
}

/** The crops of all views of a batch, one after the other, as so many batches of single images. */
export function batchesOf(images: Uint8Array, crops: number): readonly Uint8Array[] {
  const size = images.length / crops;
  return Array.from({ length: crops }, (_, i) => images.subarray(i * size, (i + 1) * size));
}

/** `meanDecision` of logits that come in several parts of one size, one after the other. */
export function decisionOf(parts: readonly Float32Array[], crops: number, classes: number): Float32Array {
  const all = new Float32Array(parts.length * parts[0].length);
  for (const [i, part] of parts.entries()) all.set(part, i * part.length);
  return meanDecision(all, crops, classes);
}
