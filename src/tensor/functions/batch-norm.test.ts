import { expect, it } from "vitest";
import { input } from "../primitives/leaf.js";
import { batchNormTraining } from "./batch-norm.js";

// PyTorch: "Expected more than 1 value per channel when training, got input size torch.Size([1, 3, 1, 1])".
it.each([
  [[1, 3, 1, 1], false],
  [[2, 3, 1, 1], true],
  [[1, 3, 1, 2], true],
])("batch normalisation of %j in training: %s", (shape, fine) => {
  const channels = (name: string) => input(name, "float32", [3]);
  const parameters = {
    ...{ weight: channels("weight"), bias: channels("bias") },
    ...{ runningMean: channels("mean"), runningVar: channels("var") },
  };
  const normalise = () => batchNormTraining(input("x", "float32", shape), parameters);
  if (fine) expect(normalise().output.shape).toEqual(shape);
  else expect(normalise).toThrow("a single value per channel");
});
