/** What lies beside weights, and what they hold beside their tensors, decides on how they are opened. */
import { link, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkpointMetadata } from "../../src/evaluation/checkpoint-metadata.js";
import { openModel } from "../../src/evaluation/open-model.js";
import { writeSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { createModel } from "../../src/models/registry.js";
import { type NamedTensors, zeros } from "../../src/tensor/index.js";
import { parseRecipe } from "../../src/training/recipe/recipe.js";
import { settledRecipe } from "../../src/training/recipe/settled.js";
import { createStudent } from "../../src/training/recipe/student.js";
import { teachersOf } from "../../src/training/recipe/teachers.js";
import { openTeacher } from "../../src/training/teacher/teacher.js";

const name = "deit_tiny_patch16_224";
const model = createModel(name, { classes: 3, imageSize: 32 });
const tensors: NamedTensors = new Map(model.parameters.map((p) => [p.name, zeros("float32", p.shape)]));
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-described-"));
  await writeSafetensors(join(scratch, "plain.safetensors"), tensors, { format: "pt" });
});
afterAll(() => rm(scratch, { recursive: true }));

/** A folder of the same weights with these files beside them. */
async function folder(files: Readonly<Record<string, string>>): Promise<string> {
  const path = await mkdtemp(join(scratch, "w-"));
  await link(join(scratch, "plain.safetensors"), join(path, "model.safetensors"));
  for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text);
  return path;
}

const args = (more: string): string =>
  `aa: rand-m9-mstd0.5-inc1\nclass_map: ''\ncrop_pct: null\nimg_size: 32\ninterpolation: ''\nmean: null\nmodel: ${name}.fb_in1k\nmodel_kwargs: {}\nnum_classes: 3\nstd: null\n${more}`;

describe("args.yaml of timm's train.py", () => {
  it("names the model and its view", async () => {
    const yaml = args("")
      .replace("mean: null", "mean:\n- 0.5\n- 0.5\n- 0.5")
      .replace("crop_pct: null", "crop_pct: 0.8");
    const opened = await openModel({ weights: await folder({ "args.yaml": yaml }) });
    expect(opened.model.name).toBe(name);
    expect(opened.view).toMatchObject({ imageSize: 32, cropRatio: 0.8, normalization: { mean: [0.5, 0.5, 0.5] } });
    expect(opened.notes.join()).toMatch(/args\.yaml": cropped in the centre, crop ratio 0\.8, normalised/);
  });

  it("names the classes by a file, and asks for it where it is missing", async () => {
    const yaml = args("").replace("class_map: ''", "class_map: /data/map.txt");
    const weights = await folder({ "args.yaml": yaml, "map.txt": "cat\nant\nbee\n" });
    expect((await openModel({ weights })).namedClasses).toEqual(["cat", "ant", "bee"]);
    const alone = await folder({ "args.yaml": yaml });
    await expect(openModel({ weights: alone })).rejects.toThrow(/"\/data\/map\.txt" \(class_map\), which is not there/);
    expect((await openModel({ weights: alone, classes: ["c", "a", "b"] })).namedClasses).toEqual(["c", "a", "b"]);
    const named = { teacherWeights: alone, teacherClasses: join(weights, "map.txt") };
    const recipe = parseRecipe({ model: name, imageSize: 32, distillation: "soft", ...named });
    const teacher = await openTeacher(teachersOf(recipe)[0], createStudent(recipe, 3), ["ant", "bee", "cat"]);
    expect(teacher.kind).toBe("model");
  });

  it.each([
    ["global_pool avg", "gp: avg\n"],
    ["qk_norm true", "", "model_kwargs: {qk_norm: true}"],
    ["is not a YAML object", "a: b: c\n"],
  ])("is refused where it says %s", async (words, more, kwargs = "model_kwargs: {}") => {
    const yaml = args(more).replace("model_kwargs: {}", kwargs);
    await expect(openModel({ weights: await folder({ "args.yaml": yaml }) })).rejects.toThrow(words);
  });

  it("gives the number of heads", async () => {
    const yaml = args("").replace("model_kwargs: {}", "model_kwargs: {num_heads: 6}");
    expect((await openModel({ weights: await folder({ "args.yaml": yaml }) })).model.config.heads).toBe(6);
  });
});

describe("config.json", () => {
  it("of timm may list arguments that have the values that they have here", async () => {
    const model_args = { num_classes: 3, in_chans: 3, global_pool: "token", img_size: [32, 32], qk_norm: false };
    const config = { architecture: name, num_classes: 3, global_pool: "token", model_args };
    const { notes } = await openModel({ weights: await folder({ "config.json": JSON.stringify(config) }) });
    expect(notes.join()).toMatch(/^Images are seen at 32 pixels, as the positions/);
    const grey = { ...config, model_args: { ...model_args, in_chans: 1 } };
    await expect(openModel({ weights: await folder({ "config.json": JSON.stringify(grey) }) })).rejects.toThrow(
      'config.json" says in_chans 1, but the weights take images of 3 (RGB); it belongs to other weights.',
    );
  });

  const vit = { model_type: "vit", hidden_size: 192, num_hidden_layers: 12, patch_size: 16, hidden_act: "gelu" };
  it("of transformers names a model of a published size", async () => {
    const weights = await folder({ "config.json": JSON.stringify(vit) });
    expect((await openModel({ weights })).model.name).toBe("vit_tiny_patch16_224");
  });

  it.each([
    ["none for output 1", { id2label: { 0: "a", 2: "b", 3: "c" } }],
    ["regression", { problem_type: "regression" }],
  ])("is refused where it says %s", async (words, more) => {
    const weights = await folder({ "config.json": JSON.stringify({ ...vit, ...more }) });
    await expect(openModel({ weights })).rejects.toThrow(words);
  });

  it("may call classes by numbers", async () => {
    const id2label = { 0: 10, 1: 20, 2: 30 };
    const weights = await folder({ "config.json": JSON.stringify({ ...vit, id2label }) });
    expect((await openModel({ weights })).namedClasses).toEqual(["10", "20", "30"]);
  });

  it("gives the epsilon of the norms to training that starts from the weights, unless the recipe sets it", async () => {
    const finetune = await folder({ "config.json": JSON.stringify({ ...vit, layer_norm_eps: 1e-12 }) });
    const settings = { model: name, imageSize: 32, finetune };
    const { recipe, notes } = await settledRecipe(parseRecipe(settings));
    expect(createStudent(recipe, 3).config.normEpsilon).toBe(1e-12);
    expect(notes.join()).toMatch(/norms add 1e-12/);
    const told = await settledRecipe(parseRecipe({ ...settings, normEpsilon: 1e-6 }));
    expect([createStudent(told.recipe, 3).config.normEpsilon, told.notes]).toEqual([1e-6, []]);
  });
});

it("for a run saved before weights recorded their preprocessing, the recipe decides", async () => {
  const run = join(scratch, "run");
  await mkdir(run);
  const config = JSON.stringify({ ...model.config });
  const metadata = { [checkpointMetadata.model]: name, [checkpointMetadata.config]: config };
  await writeSafetensors(join(run, "best.safetensors"), tensors, metadata);
  const recipe = { evaluationCropRatio: 0.5, interpolation: "bilinear", normalization: "inception", exif: "apply" };
  await writeFile(join(run, "recipe.json"), JSON.stringify(recipe));
  const { view } = await openModel({ weights: run });
  const half = [0.5, 0.5, 0.5];
  expect(view).toMatchObject({ cropRatio: 0.5, interpolation: "bilinear", exif: "apply" });
  expect(view.normalization).toEqual({ mean: half, std: half });
});

describe("several models in one file", () => {
  const both = (first: string, second: string): NamedTensors =>
    new Map([first, second].flatMap((of) => [...tensors].map(([n, t]) => [`${of}.${n}`, t] as const)));

  it("are distinguished by their names, or by the user", async () => {
    const path = join(scratch, "two.safetensors");
    await writeSafetensors(path, both("teacher", "net"), {});
    const { notes } = await openModel({ weights: path, model: name });
    expect(notes[0]).toMatch(/those under "net\." are the model's; 152 others/);
    await writeSafetensors(path, both("a", "b"), {});
    await expect(openModel({ weights: path, model: name })).rejects.toThrow(/begin with "a\.", "b\."; .*#a"/);
    expect((await openModel({ weights: `${path}#b`, model: name })).model.classes).toBe(3);
  });
});

describe("a wrapper around a model", () => {
  const wrapped = [...tensors].map(([key, tensor]) => [`model.${key}`, tensor] as const);
  const three = (value: number) => ({ ...zeros("float32", [1, 3, 1, 1]), data: new Float32Array(3).fill(value) });
  const file = async (added: NamedTensors, without: (key: string) => boolean = () => false) => {
    const weights = join(await mkdtemp(join(scratch, "wrapped-")), "model.safetensors");
    await writeSafetensors(weights, new Map([...wrapped.filter(([key]) => !without(key)), ...added]), {});
    return weights;
  };

  it.each([
    ["mean", "std"],
    ["normalize.mean", "normalize.std"],
    ["model.pixel_mean", "model.pixel_std"],
  ])("normalises by its %s and %s, and says so", async (mean, std) => {
    const weights = await file(
      new Map([
        [mean, three(0.5)],
        [std, three(0.25)],
      ]),
    );
    const opened = await openModel({ weights, model: name });
    expect(opened.view.normalization).toEqual({ mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] });
    expect(opened.notes.join()).toMatch(/normalised/);
  });

  it("is refused if it normalises other values", async () => {
    const weights = await file(
      new Map([
        ["mean", three(123.675)],
        ["std", three(58.395)],
      ]),
    );
    await expect(openModel({ weights, model: name })).rejects.toThrow(
      /holds "mean" and "std", by which a wrapper normalises images, but not for values from 0 to 1/,
    );
    const opened = await openModel({ weights, model: name, normalization: "inception" });
    expect(opened.view.normalization.mean).toEqual([0.5, 0.5, 0.5]);
  });

  it("lends its head to a body without one, with a note", async () => {
    const weight = { ...zeros("float32", [3, 192]), data: new Float32Array(3 * 192).fill(0.5) };
    const head: NamedTensors = new Map([
      ["head.weight", weight],
      ["head.bias", zeros("float32", [3])],
    ]);
    const weights = await file(head, (key) => key.startsWith("model.head."));
    const opened = await openModel({ weights, model: name });
    expect(opened.weights.get("head.weight")?.data).toEqual(weight.data);
    expect(opened.notes.join()).toMatch(/"head\.\w+"\) lies beside its body \("model\."\)/);
  });
});
