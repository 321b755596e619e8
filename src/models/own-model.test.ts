import { describe, expect, it } from "vitest";
import { mean, reshape, type Tensor } from "../tensor/index.js";
import { defineModel, type ModelLayers } from "./own-model.js";

const pooled = (nn: ModelLayers, x: Tensor) => mean(nn.block("b", nn.patchEmbed("p", x, 4, 8), { heads: 2 }), [1]);

describe("a custom model", () => {
  const tiny = defineModel("tiny", { imageSize: 8, depth: 1, dropPath: 0.1 }, (nn, { classes, depth }) => (images) => {
    let x = nn.patchEmbed("patches", images, 4, 8);
    for (let i = 0; i < depth; i++) x = nn.block(`blocks.${i}`, x, { heads: 2 });
    return nn.head("head", mean(x, [1]), classes);
  });

  it("has its options, changed by those that it is made with, and no others", () => {
    const model = tiny.create({ classes: 3, depth: 2, patchSize: 16, dropPath: 0 });
    expect(model.config).toEqual({ imageSize: 8, depth: 2, dropPath: 0, classes: 3 });
    expect(tiny.create(model.config).parameters).toEqual(model.parameters);
    expect(model.parameters.at(-2)).toMatchObject({ name: "head.weight", shape: [3, 8], part: "head" });
  });
  it("is refused if something does not fit", () => {
    expect(() => tiny.create({})).toThrow("give it as classes");
    expect(() => tiny.create({ classes: 0 })).toThrow('The classes of "tiny" is 0; it must be a whole number above 0.');
    expect(() => defineModel("", { imageSize: 8 }, () => (x) => x)).toThrow("needs a name");
    expect(() => defineModel("deit", { imageSize: 8 }, () => (x) => x)).toThrow('"deit" is the name of a deit model');
    const raw = defineModel("raw", { imageSize: 8 }, () => (x) => reshape(x, [x.shape[0], 192]));
    expect(() => raw.create({ classes: 5 }).parameters).toThrow('"raw" returns a tensor [1, 192] for a batch of 1');
  });
  it("has two heads if its option distilled is true", () => {
    const heads = (distilled: boolean) =>
      defineModel("two", { imageSize: 8, distilled }, (nn, { classes }) => (images) => {
        const x = pooled(nn, images);
        return { logits: nn.head("head", x, classes), distillation: nn.head("head_dist", x, classes) };
      }).create({ classes: 2 });
    expect(heads(true).distilled).toBe(true);
    expect(heads(true).parameters.filter(({ part }) => part === "head")).toHaveLength(4);
    expect(() => heads(false).parameters).toThrow(
      "returns logits of a distillation head, but its option distilled is false",
    );
  });
});
