/** An ONNX classifier that is shown images as they are, without a model or a recipe beside it. */
import { normalize } from "../../models/normalize.js";
import { hostTensor, input } from "../../tensor/index.js";
import type { EvaluationView, ViewChoice } from "../view.js";
import type { OnnxClassifier } from "./classifier.js";

/** An ONNX classifier that answers to uint8 images. */
export interface OnnxOverImages {
  /** How it sees images. */
  readonly view: EvaluationView;
  /** How many classes it knows, where its file says so. */
  readonly classes?: number;
  /** `images`: `batch · size · size · 3` bytes of its view. Logits `[batch, classes]`; see `LoadedOnnx.logits`. */
  logits(images: Uint8Array): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Loads it for batches of images. Throws UsageError where file and caller leave open how it is used. */
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
