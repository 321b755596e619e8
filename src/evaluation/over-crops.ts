/** Evaluation of views with several crops: what looks at single images decides on all crops of a view together. */
import { type HostTensor, hostTensor } from "../tensor/index.js";
import type { Looker } from "./pass.js";
import { batchesOf, decisionOf } from "./test-time.js";

/** A looker at single images of `length` bytes that decides on views with any number of crops; its values are logits. */
export function overCrops(looker: Looker, length: number): Looker {
  return {
    async run(images, batch) {
      const crops = images.length / (batch * length);
      if (crops === 1) return looker.run(images, batch);
      const runs: ReadonlyMap<string, HostTensor>[] = [];
      for (const part of batchesOf(images, crops)) runs.push(await looker.run(part, batch));
      return new Map([...runs[0].keys()].map((name) => [name, decided(runs, name)] as const));
    },
  };
}

function decided(runs: readonly ReadonlyMap<string, HostTensor>[], name: string): HostTensor {
  const { shape } = runs[0].get(name)!;
  const parts = runs.map((run) => run.get(name)!.data as Float32Array);
  return hostTensor("float32", shape, decisionOf(parts, runs.length, shape[1]));
}
