import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileError } from "../errors/errors.js";
import { writeSafetensors } from "../formats/safetensors/safetensors.js";
import type { HostTensor } from "../tensor/index.js";
import { loadWeights } from "./load.js";
import { locateWeights } from "./locate.js";

const commit = "0123456789abcdef0123456789abcdef01234567";
const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
const manyShards = JSON.stringify({
  weight_map: Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [i, `${i}.safetensors`])),
});
const index = JSON.stringify({ metadata: { total_size: 8 }, weight_map: { a: shards[0], b: shards[1] } });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "deit-locate-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Creates files with arbitrary content, or with the given text. */
async function lay(files: readonly (string | readonly [string, string])[]): Promise<void> {
  for (const file of files) {
    const [name, text] = typeof file === "string" ? [file, "x"] : file;
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

describe("locateWeights", () => {
  it.each([
    ["a run", ["best.safetensors", "last.safetensors", "state.safetensors"], "", ["best.safetensors"]],
    ["transformers", ["config.json", "model.safetensors", "training_args.bin"], "", ["model.safetensors"]],
    ["both formats", ["pytorch_model.bin", "model.safetensors"], "", ["model.safetensors"]],
    ["its older form", ["config.json", "pytorch_model.bin", "optimizer.pt"], "", ["pytorch_model.bin"]],
    ["shards with an index", [...shards, ["model.safetensors.index.json", index]], "", shards],
    ["an index", [...shards, ["model.safetensors.index.json", index]], "model.safetensors.index.json", shards],
    ["one of the shards", shards, shards[1], shards],
    ["a folder of shards without an index", shards, "", shards],
    ["the one checkpoint in a folder", ["epoch=1-step=2.ckpt", "hparams.yaml"], "", ["epoch=1-step=2.ckpt"]],
    [
      "the cache of the hub",
      [["refs/main", commit], `snapshots/${commit}/model.safetensors`],
      "",
      [`snapshots/${commit}/model.safetensors`],
    ],
  ] as const)("finds the weights of %s", async (_, files, given, expected) => {
    await lay(files);
    const found = await locateWeights({ weights: join(folder, given) });
    expect(found.files).toEqual(expected.map((name) => join(folder, name)));
    expect(found.folder).toBe(dirname(found.files[0]));
  });

  it("splits off the key of the weights in a checkpoint, unless a file has that name", async () => {
    await lay(["last.pth.tar", "run#2.pth"]);
    expect(await locateWeights({ weights: join(folder, "last.pth.tar#model_ema") })).toMatchObject({
      ...{ files: [join(folder, "last.pth.tar")], key: "model_ema" },
    });
    expect((await locateWeights({ weights: join(folder, "run#2.pth") })).key).toBeUndefined();
  });

  it.each([
    [["a.pth", "b.pth"], "", 'holds several files of weights ("a.pth", "b.pth"); name one of them'],
    [
      ["checkpoint-5/model.safetensors", "checkpoint-10/model.safetensors"],
      "",
      'holds no weights itself, but "checkpoint-10", "checkpoint-5" in it do',
    ],
    [["adapter_model.safetensors", "adapter_config.json"], "", "holds an adapter (PEFT, LoRA)"],
    [
      ["recipe.json", "run.json", "state.safetensors"],
      "",
      "holds a run without weights, since it ended before its first evaluation; continue it with `resume: ",
    ],
    [["notes.txt"], "", "holds no weights: neither best.safetensors"],
    [
      ["onnx/model.onnx"],
      "",
      'holds ONNX files but no weights; classifier() opens one of them by its name ("onnx/model.onnx")',
    ],
    [[shards[0]], shards[0], `one of 2 files of one set of weights, of which "${shards[1]}" is not beside it`],
    [
      [shards[0], ["model.safetensors.index.json", index]],
      "",
      `names 2 files, but "${shards[1]}" of them is not beside it`,
    ],
    [[["x.index.json", "{}"]], "x.index.json", "has no weight_map, so it is not an index"],
    [[["x.index.json", manyShards]], "x.index.json", "names more than 10000 files"],
    [[["x.index.json", '{"weight_map":{"a":"../../etc/passwd"}}']], "x.index.json", "lies in no file of its folder"],
    [["__0_0.distcp", ".metadata"], "", "a distributed checkpoint of PyTorch (DCP)"],
    [["_METADATA", "manifest.ocdbt", "d/x"], "", "a checkpoint of JAX (Orbax or Flax)"],
    [["saved_model.pb", "variables/variables.index"], "", "a TensorFlow SavedModel"],
    [["latest", "zero_to_fp32.py", "global_step5/x"], "", "a checkpoint of DeepSpeed"],
  ] as const)("says of %j what is in the way", async (files, given, sentence) => {
    await lay(files);
    const failure = await locateWeights({ weights: join(folder, given) }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FileError);
    expect((failure as Error).message).toContain(sentence);
  });
});

describe("loadWeights", () => {
  const tensor = (value: number): HostTensor => ({ dtype: "float32", shape: [1], data: Float32Array.of(value) });

  it("puts shards together", async () => {
    await writeSafetensors(join(folder, shards[0]), new Map([["a", tensor(1)]]));
    await writeSafetensors(join(folder, shards[1]), new Map([["b", tensor(2)]]));
    const { tensors } = await loadWeights(join(folder, shards[0]));
    expect([...tensors].map(([name, { data }]) => [name, data[0]])).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
  });

  it("refuses shards that hold a tensor twice", async () => {
    for (const name of shards) await writeSafetensors(join(folder, name), new Map([["a", tensor(1)]]));
    await expect(loadWeights(folder)).rejects.toThrow('hold "a"');
  });
});
