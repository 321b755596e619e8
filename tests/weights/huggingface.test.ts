import { describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { decisionLogits, inferenceContext, parameterInputs } from "../../src/models/context.js";
import { deit } from "../../src/models/deit.js";
import { evaluate, input, transpose } from "../../src/tensor/index.js";
import { fromHuggingface, toHuggingface } from "../../src/weights/huggingface-names.js";

describe.each(["deit", "vit"])("transformers' %s", (name) => {
  const path = new URL(`../fixtures/weights/huggingface_${name}.safetensors`, import.meta.url).pathname;

  it("has the same logits under timm's names", async () => {
    const { tensors } = await readSafetensors(path);
    const model = deit("micro", {
      imageSize: 8,
      patchSize: 4,
      width: 8,
      heads: 2,
      depth: 2,
      classes: 3,
      distilled: name === "deit",
    });
    const ours = fromHuggingface(tensors);
    const beside = ["input", "logits"]; // what the fixture holds beside the weights keeps its name
    expect([...ours.keys()].filter((key) => !beside.includes(key)).sort()).toEqual(
      model.parameters.map((p) => p.name).sort(),
    );
    const images = transpose(input("input", "float32", [2, 3, 8, 8]), [0, 2, 3, 1]);
    const logits = decisionLogits(model.forward(inferenceContext(parameterInputs(model)), images));
    const values = new Map(
      [...ours, ["input", tensors.get("input")!] as const].map(([n, t]) => [n, t.data as Float32Array]),
    );
    const [value] = evaluate([logits], values);
    // The reference is float32: 24 bits, a few of them lost in sums.
    (tensors.get("logits")!.data as Float32Array).forEach((v, i) => {
      expect(value[i]).toBeCloseTo(v, 4);
    });
  });

  it("comes back as it was", async () => {
    const { tensors } = await readSafetensors(path);
    const parameters = new Map([...tensors].filter(([n]) => n !== "input" && n !== "logits"));
    expect(new Map([...toHuggingface(fromHuggingface(parameters))].sort())).toEqual(new Map([...parameters].sort()));
  });
});
