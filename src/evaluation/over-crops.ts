/** Evaluation of views with several crops: what looks at single images decides on all crops of a view together. */
import { type HostTensor, hostTensor } from "../tensor/index.js";
import type { Looker } from "./pass.js";
import { meanDecision } from "./test-time.js";

/** A looker at single images of `side` pixels that decides on views with any number of crops; its values are logits. */
export function overCrops(looker: Looker, side: number): Looker {
  return {
    async run(images, batch) {
      const crops = images.length / (batch * side * side * 3);
      if (crops === 1) return looker.run(images, batch);
      const runs: ReadonlyMap<string, HostTensor>[] = [];
      const share = images.length / crops;
      // The crops of all views, one after the other, fill as many batches of single images.
      for (let i = 0; i < crops; i++) runs.push(await looker.run(images.subarray(i * share, (i + 1) * share), batch));
      return new Map([...runs[0].keys()].map((name) => [name, decided(runs, name)] as const));
    },
  };
}

function decided(runs: readonly ReadonlyMap<string, HostTensor>[], name: string): HostTensor {
  const { shape } = runs[0].get(name)!;
  const logits = new Float32Array(runs.length * shape[0] * shape[1]);
  for (const [i, run] of runs.entries()) logits.set(run.get(name)!.data as Float32Array, i * shape[0] * shape[1]);
  return hostTensor("float32", shape, meanDecision(logits, runs.length, shape[1]));
}
