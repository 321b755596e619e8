/** An ONNX classifier of whole images, used without a model or a recipe. */
import { normalize } from "../../models/normalize.js";
import { hostTensor, input } from "../../tensor/index.js";
import type { EvaluationView, ViewChoice } from "../view.js";
import type { OnnxClassifier } from "./classifier.js";

/** An ONNX classifier of uint8 images. */
export interface OnnxOverImages {
  /** How images are preprocessed for it. */
  readonly view: EvaluationView;
  /** Number of classes, if the file states it. */
  readonly classes?: number;
  /** `images`: `batch · size · size · 3` bytes of its view. Logits `[batch, classes]`; see `LoadedOnnx.logits`. */
  logits(images: Uint8Array): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Loads it for batches of images. Throws UsageError if file and caller do not determine how to use it. */
export async function loadOverImages(
  file: OnnxClassifier,
  { batch, chosen = {}, classes }: { readonly batch: number; readonly chosen?: ViewChoice; readonly classes?: number },
): Promise<OnnxOverImages> {
  const loaded = await file.load({
    ...{ batch, classes },
    images: (side, normalization) => normalize(input("images", "uint8", [batch, side, side, 3]), normalization),
  });
  const { imageSize, normalization } = loaded;
  return {
    view: { ...file.view(chosen), imageSize, normalization },
    classes: loaded.classes,
    logits: async (images) => {
      const shown = hostTensor("uint8", [batch, imageSize, imageSize, 3], images);
      return loaded.logits(await loaded.run(new Map([["images", shown]])));
    },
    close: () => loaded.close(),
  };
}
