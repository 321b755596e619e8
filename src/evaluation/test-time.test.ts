/** Test-time crops and their mean decision, compared with torchvision and PyTorch. */
import { describe, expect, it } from "vitest";
import { applyTransform } from "../data/view/transform.js";
import { readSafetensors } from "../formats/safetensors/safetensors.js";
import { hostTensor } from "../tensor/index.js";
import { softmaxOf } from "./metrics.js";
import { overCrops } from "./over-crops.js";
import { cropCount, logitsOfCrops, meanDecision, type TestTime, withCrops } from "./test-time.js";
import { type EvaluationView, evaluationTransform } from "./view.js";

const folder = new URL("../../tests/fixtures/test-time/", import.meta.url).pathname;
const { tensors } = await readSafetensors(`${folder}crops.safetensors`);
const bytes = (name: string) => tensors.get(name)!.data as Uint8Array;
const image = { width: 45, height: 31, data: bytes("image") };
const view: EvaluationView = {
  ...{ imageSize: 17, channels: 3, cropRatio: 17 / 20, cropMode: "center", interpolation: "bicubic", exif: "ignore" },
  normalization: { mean: [0, 0, 0], std: [1, 1, 1] },
};
const side = 17 * 17 * 3;
const cropsOf = (kinds: TestTime, of = view) => {
  const all = applyTransform(image, evaluationTransform(withCrops(of, kinds)));
  return Array.from({ length: all.length / side }, (_, i) => all.subarray(i * side, (i + 1) * side));
};
const inSomeOrder = (crops: readonly Uint8Array[]) => crops.map((crop) => Buffer.from(crop).toString("hex")).sort();

describe("crops", () => {
  it.each([
    ["five", ["crops"]],
    ["ten", ["crops", "flip"]],
  ] as const)("%s are torchvision's", (name, kinds) => {
    const expected = bytes(name);
    const theirs = Array.from({ length: expected.length / side }, (_, i) =>
      expected.subarray(i * side, (i + 1) * side),
    );
    expect(inSomeOrder(cropsOf(kinds))).toEqual(inSomeOrder(theirs));
  });

  it("are the centre alone without test-time augmentation", () => {
    expect(cropsOf([])).toEqual([applyTransform(image, evaluationTransform(view))]);
  });

  it("are of three sizes", () => {
    const one = (cropRatio: number) => applyTransform(image, evaluationTransform({ ...view, cropRatio }));
    expect(cropsOf(["scales"])).toEqual([one(1), one(0.875), one(0.75)]);
  });

  it("are as many as their kinds multiply to", () => {
    for (const kinds of [[], ["flip"], ["scales", "crops"], ["flip", "crops", "scales"]] as const)
      expect(cropsOf(kinds)).toHaveLength(cropCount(kinds));
  });

  it("are refused where all corners are the same", () => {
    const squashed: EvaluationView = { ...view, cropMode: "squash", cropRatio: 1 };
    expect(() => withCrops(squashed, ["crops"])).toThrow("the same crop; leave out crops, or add scales.");
    expect(cropsOf(["crops", "scales"], squashed)).toHaveLength(15);
  });

  it("are refused by name", () => {
    expect(() => withCrops(view, ["mirror"] as unknown as TestTime)).toThrow(
      'There is no test-time augmentation "mirror"; choose among flip, crops, scales for `tta`.',
    );
    expect(() => withCrops(view, ["flip", "flip"])).toThrow("`tta` names flip twice; name it once.");
  });
});

describe("the mean decision", () => {
  const logits = tensors.get("logits")!.data as Float32Array;
  const expected = tensors.get("probabilities")!.data as Float32Array;

  it("has the mean of the probabilities", () => {
    const decided = meanDecision(logits, 10, 7);
    const found = [0, 1, 2].flatMap((i) => [...softmaxOf(decided.subarray(7 * i, 7 * (i + 1)))]);
    for (const [i, p] of found.entries()) expect(p).toBeCloseTo(expected[i], 6);
  });

  it("is finite where probabilities vanish, and not a number where a logit is none", () => {
    expect([...meanDecision(Float32Array.of(0, 2000, 0, 2000), 2, 2)]).toEqual([-2000, 0]);
    expect([...meanDecision(Float32Array.of(0, Number.NaN, 0, 1), 2, 2)]).toEqual([Number.NaN, Number.NaN]);
  });

  /** "Logits" that are the first two bytes of an image, so that every image is told from the others. */
  const firstBytes = (images: Uint8Array, batch: number) =>
    Float32Array.from({ length: batch * 2 }, (_, i) => images[(i >> 1) * side + (i % 2)] / 8);

  it("is that of each image's own crops, in batches and one by one", async () => {
    const several = withCrops(view, ["crops", "flip"]);
    const one = applyTransform(image, evaluationTransform(several));
    const other = one.map((byte) => 255 - byte);
    const batch = new Uint8Array([...one, ...other]);
    const looker = {
      run: async (images: Uint8Array, size: number) =>
        new Map([["both", hostTensor("float32", [size, 2], firstBytes(images, size))]]),
    };
    const decided = (await overCrops(looker, { imageSize: 17, channels: 3 }).run(batch, 2)).get("both")!
      .data as Float32Array;
    const alone = await logitsOfCrops(image, several, async (crop) => firstBytes(crop, 1));
    expect([...decided.subarray(0, 2)]).toEqual([...alone]);
    expect([...decided.subarray(2)]).toEqual([...meanDecision(firstBytes(other, 10), 10, 2)]);
  });
});
