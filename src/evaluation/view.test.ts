/** Views specified by files next to weights, compared with the preprocessing of transformers and timm. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { applyTransform } from "../data/view/transform.js";
import { readSafetensors } from "../formats/safetensors/safetensors.js";
import { deit } from "../models/deit.js";
import { createModel } from "../models/registry.js";
import type { NormalizationChoice } from "./normalization.js";
import { ofPreprocessor, ofPretrainedConfig } from "./preprocessor.js";
import { readSavedView, writeSavedView } from "./saved-view.js";
import { evaluationTransform, requireOneSize, resolveView, type SaidOfView, type ViewChoice } from "./view.js";

const folder = new URL("../../tests/fixtures/views/", import.meta.url).pathname;
const { tensors } = await readSafetensors(`${folder}views.safetensors`);
type Config = { readonly preprocessor?: Record<string, unknown>; readonly pretrained_cfg?: Record<string, unknown> };
const configs = JSON.parse(await readFile(`${folder}views.json`, "utf8")) as Record<string, Config>;
const model = deit("deit", { imageSize: 24, patchSize: 8, width: 16, depth: 1, heads: 1 });
const image = { width: 48, height: 36, data: tensors.get("image")!.data as Uint8Array };

const saidBy = ({ preprocessor, pretrained_cfg: timm }: Config): SaidOfView =>
  preprocessor ? ofPreprocessor(preprocessor, "file") : ofPretrainedConfig(timm!, "file");

describe("an image as its file's processor sees it", () => {
  it.each(Object.keys(configs))("%s", (name) => {
    const said = saidBy(configs[name]);
    expect(said.imageSize).toBe(24);
    const { view } = resolveView(model, {}, [said]);
    const { mean, std } = view.normalization;
    const pixels = applyTransform(image, evaluationTransform(view));
    const expected = tensors.get(name)!.data as Float32Array;
    expect(pixels.length).toBe(expected.length);
    // Fast processors resize by PyTorch, whose bytes may differ from Pillow's by one.
    const worst = expected.reduce((most, v, i) => {
      const ours = (pixels[i] / 255 - mean[i % 3]) / std[i % 3];
      return Math.max(most, Math.abs(v - ours) * std[i % 3] * 255);
    }, 0);
    expect(worst).toBeLessThan(1.01);
  });
});

describe("a crop mode", () => {
  it("is the user's, and shows all of an image unless a ratio is given", () => {
    const seen = (chosen: ViewChoice) => resolveView(model, chosen, []).view;
    expect(seen({ cropMode: "squash" })).toMatchObject({ cropMode: "squash", cropRatio: 1 });
    expect(seen({ cropMode: "center" })).toMatchObject({ cropMode: "center", cropRatio: model.cropRatio });
    // ImageNet's mean in bytes, as timm fills.
    expect(seen({ cropMode: "border", cropRatio: 0.5 })).toMatchObject({
      cropRatio: 0.5,
      borderColor: [124, 116, 104],
    });
    expect(seen({ cropMode: "border", borderColor: [0, 1, 2] }).borderColor).toEqual([0, 1, 2]);
  });

  it("of timm's configuration has a border of the mean that is used", () => {
    const said = ofPretrainedConfig(
      { crop_pct: 1, crop_mode: "border", mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
      "f",
    );
    expect(resolveView(model, {}, [said]).view).toMatchObject({ cropMode: "border", borderColor: [128, 128, 128] });
  });

  it.each([
    [{ cropMode: "letterbox" as "border" }, "choose center, squash, border"],
    [{ borderColor: [0, 0, 0] } as const, 'also set `cropMode: "border"`'],
    [{ cropMode: "border", borderColor: [0, 0, 256] } as const, "whole numbers from 0 to 255"],
  ])("%j is refused", (chosen, words) => {
    expect(() => resolveView(model, chosen, [])).toThrow(words);
  });
});

describe("the native aspect ratio", () => {
  const small = { patchSize: 4, width: 8, depth: 1, heads: 1 } as const;
  const seer = deit("deit", { ...small, imageSize: 24 });
  it("travels with the weights, and its sizes follow from the model's", () => {
    const { view } = resolveView(seer, { cropMode: "native" }, []);
    expect(view).toMatchObject({ cropMode: "native", cropRatio: 1 });
    expect(view.nativeSizes).toEqual([24, [20, 28], [28, 20], [16, 36], [36, 16]]);
    const saved = readSavedView(writeSavedView(view), "file");
    expect(resolveView(seer, {}, saved).view).toEqual(view);
    expect(resolveView(seer, { cropMode: "squash" }, saved).view.nativeSizes).toBeUndefined();
    // At a size that has no other shape, photos are seen as squares.
    expect(resolveView(deit("deit", { ...small, imageSize: 4 }), {}, saved).view.nativeSizes).toEqual([4]);
    expect(() => requireOneSize(view, "A file takes")).toThrow("A file takes images of one size, but this model");
  });
  it.each([
    [deit("deit", { ...small, imageSize: 4 }), "has no other shape of as many patches of 4 pixels"],
    [{ ...seer, tokens: undefined }, "takes images of one size"],
  ])("is refused where there is none", (one, words) => {
    expect(() => resolveView(one, { cropMode: "native" }, [])).toThrow(words);
  });
});

describe("sizes that are not square", () => {
  it("are those of transformers' and timm's files", () => {
    const size = { height: 48, width: 64 };
    expect(ofPreprocessor({ size }, "file")).toMatchObject({
      imageSize: [48, 64],
      geometry: { cropRatio: 1, cropMode: "squash" },
    });
    const cropped = { size, do_center_crop: true, crop_size: { height: 36, width: 48 } };
    expect(ofPreprocessor(cropped, "file")).toMatchObject({
      imageSize: [36, 48],
      geometry: { cropRatio: 0.75, cropMode: "squash" },
    });
    const timm = { input_size: [3, 48, 64], crop_pct: 0.9, crop_mode: "border" };
    expect(ofPretrainedConfig(timm, "file")).toMatchObject({ imageSize: [48, 64], geometry: { cropMode: "border" } });
  });
});

describe("unsupported operations are refused by name", () => {
  const size = { height: 24, width: 24 };
  it.each([
    ["do_resize", { do_resize: false, size }],
    ["resizes by Pillow's filter 5", { size, resample: 5 }],
    ["to no size that can be told", { size: { height: 24 } }],
    [
      "another share of the height",
      { size: { height: 48, width: 64 }, do_center_crop: true, crop_size: { height: 24, width: 24 } },
    ],
    [
      "need not lie within",
      { size: { shortest_edge: 24 }, do_center_crop: true, crop_size: { height: 24, width: 48 } },
    ],
    ["crops nothing", { size: { shortest_edge: 24 } }],
    ["do_flip_channel_order", { size, do_flip_channel_order: true }],
    ["rescale_factor 0", { size, rescale_factor: 0 }],
    ["image_mean", { size, image_mean: [0.5, 0.5], image_std: [0.5, 0.5] }],
    ["do_pad", { size, do_pad: true }],
  ])("%s", (words, fields) => {
    expect(() => resolveView(model, {}, [ofPreprocessor(fields, "file")])).toThrow(words);
  });

  it("except for what the user decides", () => {
    const said = ofPreprocessor({ do_resize: false, resample: 5, image_mean: "?" }, "file");
    const { view } = resolveView(
      model,
      { cropRatio: 0.5, interpolation: "nearest", normalization: "inception", exif: "apply" },
      [said],
    );
    const half = [0.5, 0.5, 0.5];
    expect(view).toEqual({
      ...{ imageSize: 24, channels: 3, cropRatio: 0.5, cropMode: "center", interpolation: "nearest", exif: "apply" },
      normalization: { mean: half, std: half },
    });
  });
});

it("the first source that states a part determines it, and differences from the model are reported", () => {
  const half = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
  const { view, notes } = resolveView(model, {}, [
    { source: "a", interpolation: "bilinear" },
    { source: "b", interpolation: "nearest", normalization: half },
  ]);
  expect(view).toMatchObject({ interpolation: "bilinear", normalization: half, cropRatio: 0.875, exif: "ignore" });
  expect(notes).toEqual([
    "Images are preprocessed as described by a: resized by bilinear interpolation.",
    "Images are preprocessed as described by b: normalised by mean 0.5 0.5 0.5 and deviation 0.5 0.5 0.5.",
  ]);
});

describe("the normalisation of images of other channels", () => {
  const grey = createModel("deit_tiny_patch16_224", { channels: 1 });
  const viewed = (normalization: NormalizationChoice) => resolveView(grey, { normalization }, []).view.normalization;

  it("is given for each, for all, or by name", () => {
    expect(viewed({ mean: [0.4], std: [0.3] })).toEqual({ mean: [0.4], std: [0.3] });
    expect(viewed("inception")).toEqual({ mean: [0.5], std: [0.5] });
    const rgba = createModel("deit_tiny_patch16_224", { channels: 4 });
    const { view } = resolveView(rgba, { normalization: { mean: [0.4], std: [0.1, 0.2, 0.3, 0.4] } }, []);
    expect(view.normalization).toEqual({ mean: [0.4, 0.4, 0.4, 0.4], std: [0.1, 0.2, 0.3, 0.4] });
  });

  it("is refused for another number of them", () => {
    expect(() => viewed({ mean: [0.1, 0.2, 0.3], std: [1, 1, 1] })).toThrow(
      "`normalization` has 3 means and 3 deviations, but the images have one channel; give one of each for every channel, or one for all.",
    );
  });

  it("is the mean over the colours where a file states those", () => {
    const { view } = resolveView(grey, {}, [{ source: "a", normalization: { mean: [0.1, 0.2, 0.3], std: [1, 2, 3] } }]);
    expect(view.normalization.mean[0]).toBeCloseTo(0.2, 12);
    expect(view.normalization.std).toEqual([2]);
  });
});
