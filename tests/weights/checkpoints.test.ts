import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { DeitError } from "../../src/errors/errors.js";
import { describedOptions } from "../../src/evaluation/described-architecture.js";
import { regnetOf } from "../../src/evaluation/described-regnet.js";
import { adaptWeights } from "../../src/models/adapt.js";
import { decisionLogits, inferenceContext, parameterInputs } from "../../src/models/context.js";
import { deit } from "../../src/models/deit.js";
import type { Model } from "../../src/models/model.js";
import { createModel } from "../../src/models/registry.js";
import { regnety } from "../../src/models/regnet.js";
import { evaluate, input, type NamedTensors, zeros } from "../../src/tensor/index.js";
import { fromHuggingfaceRegnet, isHuggingfaceRegnet } from "../../src/weights/huggingface-regnet-names.js";
import { loadWeights } from "../../src/weights/load.js";
import type { LoadedWeights } from "../../src/weights/named.js";
import { fromTorchvision, isTorchvision } from "../../src/weights/torchvision-names.js";

const folder = new URL("../fixtures/checkpoints/", import.meta.url).pathname;

/** What a file is worth: the logits of the library that made it, a refusal, or a beginning for fine-tuning. */
interface Case {
  readonly path: string;
  readonly model: keyof typeof models;
  readonly logits?: readonly number[];
  readonly refused?: string;
  readonly finetune?: true;
  /** A pattern of what is told to the user; nothing is, without one. */
  readonly told?: string;
  readonly architecture?: string;
}

const sizes = { imageSize: 8, patchSize: 4, width: 4, depth: 1, heads: 2, classes: 3 };
const models = {
  plain: deit("plain", sizes),
  distilled: deit("distilled", { ...sizes, distilled: true }),
  one_head: deit("one_head", { ...sizes, distilled: true, distillationHead: false }),
  regnet: regnety(
    "regnet",
    { depth: 2, initialWidth: 8, slope: 8, factor: 2, groupWidth: 8 },
    { imageSize: 8, classes: 3, stemWidth: 8 },
  ),
};

const { image, cases } = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8")) as {
  readonly image: readonly number[];
  readonly cases: readonly Case[];
};

function logitsOf(model: Model, weights: NamedTensors): number[] {
  const images = input("images", "float32", [1, 8, 8, 3]);
  const logits = decisionLogits(model.forward(inferenceContext(parameterInputs(model)), images));
  const values = new Map(
    [...weights].map(([name, { data }]): [string, ArrayLike<number>] => [name, data as Float32Array]),
  );
  return [...evaluate([logits], values.set("images", image))[0]];
}

function fitted(model: Model, { tensors, unread, notes }: LoadedWeights, source: string) {
  const told = [...notes];
  const weights = adaptWeights(model, tensors, { source, unread, onNote: (note) => told.push(note) });
  return { weights, told: told.join(" ") };
}

async function refusal(path: string, model: Model): Promise<string> {
  try {
    fitted(model, await loadWeights(path), path);
  } catch (error) {
    expect(error).toBeInstanceOf(DeitError);
    return (error as Error).message;
  }
  throw new Error(`"${path}" was taken`);
}

describe("checkpoints", () => {
  it.each(cases.filter(({ logits }) => logits))("$path has the logits of who made it", async (given) => {
    const loaded = await loadWeights(join(folder, given.path));
    const model = models[given.model];
    const { weights, told } = fitted(model, loaded, given.path);
    for (const [i, value] of logitsOf(model, weights).entries()) expect(value).toBeCloseTo(given.logits![i], 4);
    expect(told).toMatch(given.told ? new RegExp(given.told) : /^$/);
    expect(loaded.architecture).toBe(given.architecture);
  });

  it.each(cases.filter(({ refused }) => refused))("$path is refused by its name", async (given) => {
    const message = await refusal(join(folder, given.path), models[given.model]);
    expect(message).toMatch(new RegExp(given.refused!.replace(/[.()]/g, "\\$&")));
    expect(message).toMatch(/^[^\n]{1,600}; [^\n]*\.$/);
  });

  it.each(cases.filter(({ finetune }) => finetune))("$path is a beginning for fine-tuning", async (given) => {
    const { tensors } = await loadWeights(join(folder, given.path));
    const told: string[] = [];
    const options = { source: given.path, newHead: { seed: 0 }, onNote: (note: string) => told.push(note) };
    const weights = adaptWeights(models[given.model], tensors, options);
    expect(weights.get("cls_token")).toEqual(tensors.get("cls_token"));
    expect(told.join(" ")).toMatch(given.told ? new RegExp(given.told) : /^$/);
  });
});

describe("torchvision's models", () => {
  const shapes = JSON.parse(
    gunzipSync(readFileSync(join(folder, "torchvision_parameters.json.gz"))).toString(),
  ) as Record<string, Record<string, readonly number[]>>;
  const ours: Readonly<Record<string, string>> = {
    ...{ regnet_y_400mf: "regnety_004", regnet_y_1_6gf: "regnety_016", regnet_y_3_2gf: "regnety_032" },
    ...{ regnet_y_800mf: "regnety_008_tv", regnet_y_8gf: "regnety_080_tv" },
    ...{ regnet_y_16gf: "regnety_160", regnet_y_32gf: "regnety_320", vit_b_16: "deit_base_patch16_224" },
  };

  it.each(Object.entries(ours))("%s is %s", (theirs, name) => {
    const given = new Map(Object.entries(shapes[theirs]).map(([n, shape]) => [n, { ...zeros("float32", [0]), shape }]));
    expect(isTorchvision(given.keys())).toBe(true);
    const renamed = [...fromTorchvision(given)].filter(([n]) => !n.endsWith(".num_batches_tracked"));
    const found = Object.fromEntries(renamed.map(([n, { shape }]) => [n, shape]));
    expect(found).toEqual(Object.fromEntries(createModel(name).parameters.map((p) => [p.name, [...p.shape]])));
  });
});

describe("transformers' RegNetY", () => {
  const published = JSON.parse(
    gunzipSync(readFileSync(join(folder, "transformers_regnets.json.gz"))).toString(),
  ) as Record<string, Record<string, readonly number[]>>;

  it.each(Object.keys(published))("%s has timm's parameters, and is found by its config.json", (theirs) => {
    const given = new Map(
      Object.entries(published[theirs]).map(([n, shape]) => [n, { ...zeros("float32", [0]), shape }]),
    );
    expect(isHuggingfaceRegnet(given.keys())).toBe(true);
    const renamed = [...fromHuggingfaceRegnet(given)].filter(([n]) => !n.endsWith(".num_batches_tracked"));
    const name = theirs.replace("regnet-y-", "regnety_");
    const found = Object.fromEntries(renamed.map(([n, { shape }]) => [n, shape]));
    expect(found).toEqual(Object.fromEntries(createModel(name).parameters.map((p) => [p.name, [...p.shape]])));
    const stages = [1, 2, 3, 4].map((s) =>
      renamed.filter(([n]) => new RegExp(`^s${s}\\.b\\d+\\.conv2\\.conv`).test(n)),
    );
    const config = {
      model_type: "regnet",
      hidden_sizes: stages.map(([[, { shape }]]) => shape[0]),
      depths: stages.map((blocks) => blocks.length),
      groups_width: stages[0][0][1].shape[1],
    };
    expect(regnetOf(config)).toBe(name);
    expect(regnetOf({ ...config, depths: [9, 9, 9, 9] })).toBeUndefined();
  });

  it.each([
    [{ layer_type: "x" }, "RegNetY is wanted"],
    [{ hidden_act: "silu" }, "relu is wanted"],
    [{ downsample_in_first_stage: false }, "downsample_in_first_stage false"],
  ])("is refused with %j", (changed, sentence) => {
    const config = { source: "config.json", fields: { model_type: "regnet", hidden_act: "relu", ...changed } };
    expect(() => describedOptions({ config })).toThrow(sentence);
  });
});

describe("pickles that ask for too much", () => {
  /** A PyTorch file in the old format whose pickle is this. */
  const begun = Buffer.from("80028a0a6cfc9c46f9206aa850192e8002 4de9032e".replace(" ", ""), "hex");
  const bomb = (repeated: string, count: number): Buffer =>
    Buffer.concat([begun, Buffer.from("8002", "hex"), Buffer.alloc((count * repeated.length) / 2, repeated, "hex")]);

  it.each([
    // Each of these few bytes asks for an entry of the stack, the memo or a dictionary.
    ["the stack", bomb("4e", 17_500_000)],
    ["the memo", Buffer.concat([bomb("4e", 1), bomb("94", 17_500_000).subarray(begun.length + 2)])],
    ["containers", bomb("5d", 17_500_000)],
  ])("is refused for %s, in little memory", async (_, content) => {
    const scratch = await mkdtemp(join(tmpdir(), "deit-bomb-"));
    try {
      const path = join(scratch, "bomb.pth");
      await writeFile(path, content);
      expect(await refusal(path, models.plain)).toMatch(/(more than \d+|over and over)/);
    } finally {
      await rm(scratch, { recursive: true });
    }
  });
});
