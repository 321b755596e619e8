/** Layouts of other programs: what their readers need, and that weights read back give the same logits. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openSafetensors, readSafetensors, writeSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { classifier, type ExportSettings, exportModel, type LayoutName } from "../../src/index.js";
import { initialize } from "../../src/models/initialize.js";
import { createModel } from "../../src/models/registry.js";
import { describeWithReference as describe } from "../setup/reference-data.js";
import { classNames, type MicroName, microCheckpoint } from "./models.js";

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-layouts-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function exported(name: MicroName, to: LayoutName) {
  const { path } = await microCheckpoint(name, scratch);
  const output = await mkdtemp(join(scratch, `${name}-${to}-`));
  const result = await exportModel({ weights: path, to, output });
  const json = async (file: string) => JSON.parse(await readFile(join(output, file), "utf8"));
  return { ...result, json };
}

describe("layouts", () => {
  it.each([
    ["plain", "transformers"],
    ["distilled", "transformers"],
    ["deit3", "transformers"],
    ["regnety", "transformers"],
    ["plain", "timm"],
    ["distilled", "timm"],
    ["deit3", "timm"],
    ["regnety", "timm"],
  ] as const)("the weights of %s for %s give the logits of the source", async (name, to) => {
    const { verification } = await exported(name, to);
    expect(verification.images).toBe(64);
    expect(verification.files).toHaveLength(1);
    expect(verification.files[0]).toMatchObject({ path: "model.safetensors", agreement: 100 });
    expect(verification.files[0].largestDifference).toBeLessThan(1e-5);
  });

  it.each([
    ["plain", "vit", "ViTForImageClassification", "vit.encoder.layer.0.attention.attention.query.weight"],
    ["distilled", "deit", "DeiTForImageClassificationWithTeacher", "distillation_classifier.weight"],
    ["deit3", "vit", "ViTForImageClassification", "vit.embeddings.position_embeddings"],
  ] as const)("%s is a %s of transformers", async (name, type, architecture, tensor) => {
    const { output, json } = await exported(name, "transformers");
    const config = await json("config.json");
    expect(config).toMatchObject({ model_type: type, architectures: [architecture], layer_norm_eps: 1e-6 });
    const classes = Object.keys(config.id2label).length;
    expect(Object.values(config.id2label)).toEqual(classNames(classes));
    const file = await openSafetensors(join(output, "model.safetensors"));
    await file.close();
    expect(file.metadata).toEqual({ format: "pt" });
    expect(file.names).toContain(tensor);
  });

  it("a border is stated for timm, and refused where it cannot be", async () => {
    const { path: weights } = await microCheckpoint("plain", scratch);
    const output = await mkdtemp(join(scratch, "border-"));
    const bordered = (more: Partial<ExportSettings> & Pick<ExportSettings, "to">) =>
      exportModel({ weights, output, cropMode: "border", ...more });
    await expect(bordered({ to: "transformers" })).rejects.toThrow("the processors of transformers do not add");
    await expect(bordered({ to: "onnx", preprocessing: true })).rejects.toThrow("cannot be part of the graph");
    await expect(bordered({ to: "timm", borderColor: [0, 0, 0] })).rejects.toThrow(
      "timm's is always the mean, 124,116,104",
    );
    await bordered({ to: "timm" });
    const { pretrained_cfg } = JSON.parse(await readFile(join(output, "config.json"), "utf8"));
    expect(pretrained_cfg).toMatchObject({ crop_mode: "border", crop_pct: 1 });
  });

  it("a size that is not square is stated, and refused where it cannot be", async () => {
    const { path: weights } = await microCheckpoint("plain", scratch);
    const files = async (more: Partial<ExportSettings> & Pick<ExportSettings, "to">) => {
      const output = await mkdtemp(join(scratch, "wide-"));
      await exportModel({ weights, output, imageSize: [24, 40], ...more });
      return (name: string) => readFile(join(output, name), "utf8").then(JSON.parse);
    };
    const timm = await (await files({ to: "timm" }))("config.json");
    expect(timm).toMatchObject({ model_args: { img_size: [24, 40] }, pretrained_cfg: { input_size: [3, 24, 40] } });
    await expect(files({ to: "transformers" })).rejects.toThrow("24×40 pixels, cut out of the centre");
    const squashed = await files({ to: "transformers", cropMode: "squash" });
    expect(await squashed("config.json")).toMatchObject({ image_size: [24, 40] });
    const size = { height: 24, width: 40 };
    expect(await squashed("preprocessor_config.json")).toMatchObject({ size, crop_size: size });
  });

  it("a folder for transformers.js has the files that it looks for", async () => {
    const { output, json } = await exported("distilled", "huggingface");
    expect((await readdir(join(output, "onnx"))).sort()).toEqual([
      "model.onnx",
      "model_fp16.onnx",
      "model_quantized.onnx",
    ]);
    expect(await json("config.json")).toMatchObject({ model_type: "deit", id2label: { 0: "ant" } });
    expect(await json("preprocessor_config.json")).toMatchObject({
      image_processor_type: "BitImageProcessor",
      size: { shortest_edge: 36 },
      crop_size: { height: 32, width: 32 },
      resample: 3,
      image_mean: [0.485, 0.456, 0.406],
    });
  });

  it.each(["plain", "distilled", "deit3"] as const)(
    "deit opens the folder of %s for transformers.js again",
    async (name) => {
      const { path } = await microCheckpoint(name, scratch);
      const { output } = await exported(name, "huggingface");
      const image = { width: 50, height: 40, data: Uint8Array.from({ length: 6000 }, (_, i) => (i * 7919) % 256) };
      await using source = await classifier(path);
      await using again = await classifier(output);
      const expected = await source(image, { top: 3 });
      const found = await again(image, { top: 3 });
      expect(found.map(({ label }) => label)).toEqual(expected.map(({ label }) => label));
      found.forEach(({ score }, i) => {
        expect(score).toBeCloseTo(expected[i].score, 5);
      });
    },
  );

  it("a folder for transformers.js without weights is refused with a way out", async () => {
    const { output } = await exported("regnety", "huggingface");
    await expect(classifier(output)).rejects.toThrow(
      'holds ONNX files but no weights; classifier() opens one of them by its name ("onnx/model.onnx"); for all else, give what they were exported from',
    );
    await using classify = await classifier(join(output, "onnx/model.onnx"));
    expect(classify.classes).toEqual(classNames(7));
  });

  it.each([
    ["timm", "stem.bn"],
    ["transformers", "regnet.embedder.embedder.normalization"],
  ] as const)(
    "the weights of a RegNetY for %s are complete, so that transformers does not call them untrained",
    async (to, layer) => {
      const { output } = await exported("regnety", to);
      const file = await openSafetensors(join(output, "model.safetensors"));
      await file.close();
      expect(file.names).toContain(`${layer}.running_var`);
      expect(file.names).toContain(`${layer}.num_batches_tracked`);
    },
  );

  it.each(["deit3_small_patch16_224", "vit_small_patch16_224"])(
    "a %s with a distillation token has a name for timm that implies it",
    async (name) => {
      const sizes = { imageSize: 16, patchSize: 4, width: 8, depth: 2, heads: 2, classes: 3, distilled: true };
      const model = createModel(name, sizes);
      const path = join(scratch, `${name}.safetensors`);
      await writeSafetensors(path, initialize(model, 1), {
        "deit.model": name,
        "deit.config": JSON.stringify(model.config),
      });
      const output = await mkdtemp(join(scratch, "distilled-"));
      const { verification } = await exportModel({ weights: path, to: "timm", output });
      expect(verification.files[0].largestDifference).toBeLessThan(1e-5);
      const { architecture, model_args } = JSON.parse(await readFile(join(output, "config.json"), "utf8"));
      expect(architecture).toBe("deit_tiny_distilled_patch16_224");
      expect(model_args).toEqual({
        ...{ img_size: 16, patch_size: 4, embed_dim: 8, depth: 2, num_heads: 2, mlp_ratio: 4 },
        ...(name.startsWith("deit3") ? { init_values: 1e-6 } : {}),
      });
      // timm's distilled models have positions for all tokens.
      const { tensors } = await readSafetensors(join(output, "model.safetensors"));
      expect(tensors.get("pos_embed")!.shape).toEqual([1, 18, 8]);
    },
  );

  it("timm's configuration states sizes, crop and classes", async () => {
    const { json } = await exported("distilled", "timm");
    expect(await json("config.json")).toMatchObject({
      architecture: "deit_tiny_distilled_patch16_224",
      model_args: { img_size: 32, patch_size: 8, embed_dim: 48, depth: 3, num_heads: 3 },
      label_names: classNames(7),
      pretrained_cfg: { crop_pct: 0.875, classifier: ["head", "head_dist"], input_size: [3, 32, 32] },
    });
  });
});
