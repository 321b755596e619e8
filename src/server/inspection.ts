/** Logits, attention and embeddings of images in one run. */

import { attentionMaps } from "../evaluation/attention.js";
import { embedding, patchFeatures } from "../evaluation/features.js";
import type { OpenedClassifier } from "../evaluation/opened-classifier.js";
import type { Derive, Probe } from "../evaluation/probe.js";
import type { ImageSize } from "../geometry/image-size.js";
import { decisionLogits } from "../models/context.js";
import type { Model } from "../models/model.js";
import { modelAt } from "../models/model-at.js";
import { patchCount, tokensOf } from "../models/parts.js";
import { mean } from "../tensor/index.js";
import type { Classified } from "./schemas.js";

/** What a model makes of one image. */
export interface Insight {
  readonly logits: Float32Array;
  readonly attention: NonNullable<Classified["attention"]>;
  readonly embedding: { readonly class: number[]; readonly patches: number[] };
}

export class Inspection {
  readonly #probe: Probe;
  /** Throws UsageError for a model without attention. */
  constructor({ model, probe }: NonNullable<OpenedClassifier["inside"]>) {
    tokensOf(model, "An attention map or embedding");
    this.#probe = probe(everything(model));
  }

  /** `images`: `batch · height · width · 3` bytes, of this size. */
  async run(images: Uint8Array, batch: number, size: ImageSize): Promise<readonly Insight[]> {
    const values = await this.#probe.run(images, batch, size);
    const { grid } = tokensOf(modelAt(this.#probe.model, size), "An attention map or embedding");
    /** The rows of an image: all axes after the batch, as one. */
    const row = (name: string, image: number): Float32Array => {
      const data = values.get(name)!.data as Float32Array;
      return data.subarray((data.length / batch) * image, (data.length / batch) * (image + 1));
    };
    return Array.from({ length: batch }, (_, image) => ({
      logits: row("logits", image),
      attention: {
        grid,
        heads: inPieces(row("heads", image), patchCount({ grid })).map(numbers),
        rollout: numbers(row("rollout", image)),
      },
      embedding: { class: numbers(row("embedding", image)), patches: numbers(row("patches", image)) },
    }));
  }

  dispose(): Promise<void> {
    return this.#probe.dispose();
  }
}

const everything = (model: Model): Derive => {
  const [maps, vector, patches] = [attentionMaps(model, "class"), embedding(model), patchFeatures(model)];
  return (seen) => ({
    logits: decisionLogits(seen.output, "both"),
    ...maps(seen),
    ...vector(seen),
    patches: mean(patches(seen).patches, [1, 2]),
  });
};

function inPieces(values: Float32Array, length: number): Float32Array[] {
  return Array.from({ length: values.length / length }, (_, i) => values.subarray(i * length, (i + 1) * length));
}

/** Nine digits state a float32 exactly; as a float64 it would take up to 17. */
const numbers = (values: Float32Array): number[] => Array.from(values, (value) => Number(value.toPrecision(9)));
