/** Losses, Mixup and CutMix against PyTorch and timm (tests/fixtures/training), in double precision. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { evaluate, gradient, type HostTensor, input, type Tensor } from "../../src/tensor/index.js";
import { batchImages, batchInputs, batchTargets } from "../../src/training/step/batch/index.js";
import { mixInputs } from "../../src/training/step/batch/mixing.js";
import { type Distillation, distilledLoss } from "../../src/training/step/distillation/index.js";
import { binaryCrossEntropy } from "../../src/training/step/losses/binary-cross-entropy.js";
import { cosubLoss } from "../../src/training/step/losses/cosub.js";
import { crossEntropy } from "../../src/training/step/losses/cross-entropy.js";
import { thresholded } from "../../src/training/step/losses/targets.js";

const folder = new URL("../fixtures/training/", import.meta.url);
const { tensors } = await readSafetensors(new URL("training.safetensors", folder).pathname);
const about = JSON.parse(await readFile(new URL("training.json", folder), "utf8")) as {
  mean: [number, number, number];
  std: [number, number, number];
  mix: { name: string; share: number[]; box: number[][]; target: number[] }[];
};
const named = (name: string): HostTensor => tensors.get(name)!;
const numbers = (name: string): number[] => Array.from(named(name).data as Float64Array);

function expectClose(ours: ArrayLike<number>, reference: readonly number[], tolerance: number): void {
  expect(ours.length).toBe(reference.length);
  const worst = reference.reduce((m, v, i) => Math.max(m, Math.abs(v - ours[i])), 0);
  expect(worst).toBeLessThan(tolerance);
}

describe("losses and their gradients, as PyTorch's", () => {
  const given = (name: string) => input(name, "float32", named(`loss.${name}`).shape);
  const [logits, teacher, target] = ["logits", "teacher", "target"].map(given);
  const values = new Map(["logits", "teacher", "target"].map((n) => [n, numbers(`loss.${n}`)]));
  // α = 1 leaves the distillation loss alone.
  const distilled = (method: Distillation) => distilledLoss(crossEntropy(logits, target), logits, teacher, method);
  const soft = (normalization: "paper" | "released") =>
    distilled({ kind: "soft", alpha: 1, tau: 3, normalization, on: "class" });
  const cases: Record<string, Tensor> = {
    soft_target: crossEntropy(logits, target),
    binary: binaryCrossEntropy(logits, target),
    hard: distilled({ kind: "hard", alpha: 1, on: "class" }),
    soft_paper: soft("paper"),
    soft_released: soft("released"),
  };
  for (const [name, loss] of Object.entries(cases)) {
    it(name, () => {
      const [value, grad] = evaluate([loss, gradient(loss, [logits])[0]], values);
      // Both sides are in double precision; constants of the graph (1/τ, 1/batch) are float32.
      expectClose(value, numbers(`loss.${name}`), 1e-6);
      expectClose(grad, numbers(`loss.grad.${name}`), 1e-6);
    });
  }
});

it("co-training of two submodels, as PyTorch's", () => {
  const shape = named("cosub.first").shape;
  const [first, second] = [input("first", "float32", shape), input("second", "float32", shape)];
  const loss = cosubLoss(first, second, thresholded(input("target", "float32", shape), 0.2));
  const [value, ...grads] = evaluate(
    [loss, ...gradient(loss, [first, second])],
    new Map([
      ["first", numbers("cosub.first")],
      ["second", numbers("cosub.second")],
      ["target", numbers("loss.target")],
    ]),
  );
  expectClose(value, numbers("cosub.loss"), 1e-6);
  expectClose(grads[0], numbers("cosub.grad.first"), 1e-6);
  expectClose(grads[1], numbers("cosub.grad.second"), 1e-6);
});

describe("Mixup and CutMix, as timm's", () => {
  const [batch, size] = named("mix.images").shape;
  const mixing = { mixup: 1, cutmix: 1, probability: 1, switchProbability: 0.5, mode: "batch" } as const;
  const images = batchImages(batch, { imageSize: size, channels: 3, normalization: about }, { mixing });
  const target = batchTargets(batch, 4, 0.1, { mixing });
  for (const { name, share, box, target: shares } of about.mix) {
    it(name, () => {
      const [mixed, mixedTarget] = evaluate(
        [images, target],
        new Map<string, number[]>([
          [batchInputs.images, numbers("mix.images")],
          [batchInputs.labels, numbers("mix.labels")],
          [mixInputs.share, share],
          [mixInputs.box, box.flat()],
          [mixInputs.target, shares],
        ]),
      );
      expectClose(mixed, numbers(`mix.${name}.images`), 1e-5); // the reference is float32, values up to 2.6
      expectClose(mixedTarget, numbers(`mix.${name}.target`), 1e-6);
    });
  }
});
