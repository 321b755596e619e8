/** An ONNX classifier of whole images, used without a model or a recipe. */
import type { Channels } from "../../geometry/channels.js";
import { imagesShape } from "../../models/image-batch.js";
import { normalize } from "../../models/normalize.js";
import { hostTensor, input } from "../../tensor/index.js";
import { type EvaluationView, meanColor, type ViewChoice } from "../view.js";
import type { OnnxClassifier } from "./classifier.js";

/** An ONNX classifier of uint8 images. */
export interface OnnxOverImages {
  /** How images are preprocessed for it. */
  readonly view: EvaluationView;
  /** Number of classes, if the file states it. */
  readonly classes?: number;
  /** Images of a run, if the file fixes them; see `LoadedOnnx.fixedBatch`. */
  readonly fixedBatch?: number;
  /** `images`: `batch · height · width · channels` bytes of its view. Logits `[batch, classes]`; see `LoadedOnnx.logits`. */
  logits(images: Uint8Array, batch?: number): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface OverImagesOptions {
  /** Images per run, unless a run says otherwise. */
  readonly batch: number;
  /** The caller's settings for preprocessing. */
  readonly chosen?: ViewChoice;
  /** Expected number of classes. */
  readonly classes?: number;
  /** Threads of ONNX Runtime (default: all available cores). */
  readonly threads?: number;
}

/** Loads it for batches of images. Throws UsageError if file and caller do not determine how to use it. */
export async function loadOverImages(
  file: OnnxClassifier,
  { batch, chosen = {}, classes, threads }: OverImagesOptions,
): Promise<OnnxOverImages> {
  const loaded = await file.load({
    ...{ batch, classes, threads },
    images: (imageSize, normalization, batch) =>
      normalize(
        input("images", "uint8", imagesShape({ imageSize, channels: normalization.mean.length as Channels }, batch)),
        normalization,
      ),
  });
  const { imageSize, channels, normalization } = loaded;
  const geometry = file.view(chosen);
  const borderColor =
    geometry.cropMode === "border" ? { borderColor: geometry.borderColor ?? meanColor(normalization) } : {};
  return {
    view: { ...geometry, ...borderColor, imageSize, channels, normalization },
    classes: loaded.classes,
    fixedBatch: loaded.fixedBatch,
    logits: async (images, count = batch) => {
      const shown = hostTensor("uint8", imagesShape({ imageSize, channels }, count), images);
      return loaded.logits(await loaded.run(new Map([["images", shown]]), count), undefined, count);
    },
    close: () => loaded.close(),
  };
}
