/** What PyTorch stores of a batch normalisation besides its statistics. */
import { hostTensor, type NamedTensors } from "../../tensor/index.js";

/**
 * The tensors with the number of batches that each normalisation has seen, which is not known and without effect at a fixed
 * momentum: without it, transformers warns that the model is not trained.
 */
export const withBatchCounts = (tensors: NamedTensors): NamedTensors =>
  new Map(
    [...tensors].flatMap(([name, tensor]) => {
      const [, layer] = /^(.+)\.running_var$/.exec(name) ?? [];
      const own = [name, tensor] as const;
      return layer === undefined
        ? [own]
        : [own, [`${layer}.num_batches_tracked`, hostTensor("int64", [], BigInt64Array.of(0n))] as const];
    }),
  );
