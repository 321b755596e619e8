/** Evaluation of views with several crops: what looks at single images decides on all crops of a view together. */
import { imageLength } from "../models/image-batch.js";
import type { Model } from "../models/model.js";
import { type HostTensor, hostTensor } from "../tensor/index.js";
import type { Looker } from "./pass.js";
import { batchesOf, decisionOf } from "./test-time.js";

/** A looker at single images for a model that decides on views with any number of crops; its values are logits. */
export function overCrops(looker: Looker, { imageSize, channels }: Pick<Model, "imageSize" | "channels">): Looker {
  return {
    async run(images, batch, size = imageSize) {
      const crops = images.length / (batch * imageLength({ imageSize: size, channels }));
      if (crops === 1) return looker.run(images, batch, size);
      const runs: ReadonlyMap<string, HostTensor>[] = [];
      for (const part of batchesOf(images, crops)) runs.push(await looker.run(part, batch, size));
      return new Map([...runs[0].keys()].map((name) => [name, decided(runs, name)] as const));
    },
  };
}

function decided(runs: readonly ReadonlyMap<string, HostTensor>[], name: string): HostTensor {
  const { shape } = runs[0].get(name)!;
  const parts = runs.map((run) => run.get(name)!.data as Float32Array);
  return hostTensor("float32", shape, decisionOf(parts, runs.length, shape[1]));
}
