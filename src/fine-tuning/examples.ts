/** The images of a fine-tuning: read, checked, and divided into those that are trained on and those held out. */
import type { RgbImage } from "../data/pixels/image.js";
import { bordersIn, inChannels } from "../data/view/channels.js";
import { evaluationView } from "../data/view/evaluation.js";
import { made } from "../data/view/plan.js";
import { trainingView } from "../data/view/training.js";
import { InterruptedError, UsageError } from "../errors/errors.js";
import { shown } from "../errors/options.js";
import type { ImageReader } from "../evaluation/called-classifier.js";
import { type EvaluationView, evaluationTransform, requireOneSize } from "../evaluation/view.js";
import { RandomStream } from "../random/stream.js";

/** Views of one image, each `height · width · channels` bytes: its own, as it is classified, then those that were drawn. */
export interface Example {
  /** For messages. */
  readonly name: string;
  readonly label: number;
  readonly views: readonly [Uint8Array, ...Uint8Array[]];
}

/** All images by their use. */
export interface Examples {
  readonly classes: readonly string[];
  readonly training: readonly Example[];
  readonly heldOut: readonly Example[];
}

/** How examples are made. */
export interface ExampleOptions<Input> {
  readonly read: ImageReader<Input>;
  readonly view: EvaluationView;
  /** Share of each class that is held out. */
  readonly validation: number;
  /** Views that are drawn of each image for training. */
  readonly augment: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly onWarning: (message: string) => void;
}

/** Names and images of the classes. Throws UsageError unless there are two or more, each with an image. */
function classesOf<Input>(given: Readonly<Record<string, readonly Input[]>>): readonly string[] {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new UsageError(`The images are ${shown(given)}; give an object with an array of images for each class.`);
  const classes = Object.keys(given);
  if (classes.length < 2)
    throw new UsageError(
      `${classes.length === 0 ? "No classes are" : `Only the class "${classes[0]}" is`} given; give images of two classes or more.`,
    );
  for (const name of classes) {
    if (name.trim() === "") throw new UsageError("A class has an empty name; give it one.");
    if (!Array.isArray(given[name]))
      throw new UsageError(`The images of "${name}" are ${shown(given[name])}; give an array.`);
    if (given[name].length === 0)
      throw new UsageError(`The class "${name}" has no images; give it some, or leave it out.`);
  }
  return classes;
}

/**
 * Reads all images. An image that is there twice counts once; one in two classes is refused. Throws what the reader
 * throws, InterruptedError and UsageError.
 */
export async function readExamples<Input>(
  given: Readonly<Record<string, readonly Input[]>>,
  options: ExampleOptions<Input>,
): Promise<Examples> {
  const { read, view, validation, augment, seed, signal, onWarning } = options;
  const classes = classesOf(given);
  requireOneSize(view, "Fine-tuning on a few images takes");
  const known = new Known(classes, onWarning);
  const training: Example[] = [];
  const heldOut: Example[] = [];
  let index = 0;
  for (const [label, title] of classes.entries()) {
    const found: { readonly name: string; readonly own: Uint8Array; readonly drawn: readonly Uint8Array[] }[] = [];
    for (const [i, input] of given[title].entries()) {
      if (signal?.aborted) throw new InterruptedError("Fine-tuning was interrupted.");
      const { name, image } = await read(input, view, `image ${i} of ${title}`);
      const own = made(evaluationView(image, evaluationTransform(view)), image);
      if (!known.add(own, name, label)) continue;
      const stream = (nth: number) => new RandomStream({ seed, purpose: "fine-tuning view", sample: index, view: nth });
      const drawn = Array.from({ length: augment }, (_, nth) => drawnView(image, view, stream(nth)));
      found.push({ name, own, drawn });
      index++;
    }
    const order = new RandomStream({ seed, purpose: "fine-tuning held out", sample: label }).permutation(found.length);
    const held = new Set(order.subarray(0, heldOutOf(found.length, validation)));
    for (const [i, { name, own, drawn }] of found.entries())
      if (held.has(i)) heldOut.push({ name, label, views: [own] });
      else training.push({ name, label, views: [own, ...drawn] });
    if (validation > 0 && found.length === 1)
      onWarning(
        `"${title}" has one image, so none of it is held out, and the result on held-out images leaves it out.`,
      );
  }
  known.warn();
  return { classes, training, heldOut };
}

/** At least one of two images or more, and never all. */
const heldOutOf = (images: number, share: number): number =>
  share === 0 || images < 2 ? 0 : Math.min(images - 1, Math.max(1, Math.round(share * images)));

/** Light changes, which leave small and few images recognisable: a large part of the image, mirrored or not. */
function drawnView(image: RgbImage, view: EvaluationView, stream: RandomStream): Uint8Array {
  const crop = {
    ...({ crop: "resized", size: view.imageSize, interpolation: view.interpolation } as const),
    ...({ scale: [0.5, 1], ratio: [3 / 4, 4 / 3], flip: 0.5 } as const),
    ...{ cropMode: view.cropMode, ...bordersIn(view.channels, view) },
  };
  return made(inChannels(view.channels, trainingView(image, crop, stream)), image);
}

/** Views that were there before, recognised by their bytes. */
class Known {
  readonly #seen = new Map<number, { readonly view: Uint8Array; readonly name: string; readonly label: number }[]>();
  readonly #again: string[] = [];

  constructor(
    private readonly classes: readonly string[],
    private readonly onWarning: (message: string) => void,
  ) {}

  /** Whether it is new. Throws UsageError for one that another class has. */
  add(view: Uint8Array, name: string, label: number): boolean {
    const key = hash(view);
    const alike = this.#seen.get(key) ?? [];
    const before = alike.find((one) => same(one.view, view));
    if (before && before.label !== label)
      throw new UsageError(
        `"${name}" of the class "${this.classes[label]}" is the same image as "${before.name}" of "${this.classes[before.label]}"; leave it in one of them.`,
      );
    if (before) this.#again.push(name);
    else this.#seen.set(key, [...alike, { view, name, label }]);
    return !before;
  }

  warn(): void {
    const [first] = this.#again;
    const count = this.#again.length;
    if (count > 0)
      this.onWarning(
        `${count === 1 ? `"${first}" is` : `${count} images, such as "${first}", are`} given twice and used once.`,
      );
  }
}

function hash(bytes: Uint8Array): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) h = Math.imul(h ^ bytes[i], 0x01000193);
  return h >>> 0;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((v, i) => v === b[i]);
