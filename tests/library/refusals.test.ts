/** What the library's functions refuse, in words; TypeScript refuses most of it, JavaScript none. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  classifier,
  createModel,
  DeitError,
  defineModel,
  distil,
  type Engine,
  initialize,
  memoryDataset,
  openEngine,
  sampleDataset,
  tensor,
  train,
} from "../../src/index.js";

const sizes = { imageSize: 32, patchSize: 8, width: 32, depth: 1, heads: 2, classes: 2 };
let engine: Engine;
let scratch: string;
beforeAll(async () => {
  engine = await openEngine("onnx");
  scratch = await mkdtemp(join(tmpdir(), "deit-refusals-"));
});
afterAll(async () => {
  await engine.close();
  await rm(scratch, { recursive: true, force: true });
});

type Anything = (...given: readonly unknown[]) => Promise<unknown>;
const untyped = (call: unknown) => call as Anything;
const inMemory = () => {
  const model = createModel("deit", sizes);
  return { model, weights: initialize(model, 1), classes: ["dark", "bright"] };
};

/** The message of the DeitError that a call throws. */
async function refusal(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    if (error instanceof DeitError) return error.message;
    throw error;
  }
  throw new Error("It is not refused.");
}

describe("classify", () => {
  const grey = { width: 2, height: 2, data: new Uint8Array(12).fill(128) };

  it.each([
    [[undefined], "The image is undefined; give a path, a URL, the content"],
    [[null], "The image is null;"],
    [[{}], "The image is an object with no properties;"],
    [[[grey, 5]], "Image 1 is 5;"],
    [["http://"], '"http://" is not a valid URL; check it.'],
    [[new URL("file://elsewhere/cat.jpg")], "file://elsewhere/cat.jpg does not name a file of this machine;"],
    // Numbers from 0 to 1 as bytes would be a black image.
    [[{ width: 2, height: 1, data: new Float32Array(6) }], "The pixels of the image are not bytes;"],
    [[{ width: 1, height: 1, data: [0.1, 0.2, 0.3] }], "The pixels of the image are not bytes;"],
    [[grey, { topk: 3 }], 'classify has no option "topk"; did you mean "top"?'],
    [[grey, { top: 0 }], "The option top of classify is 0; give a whole number, 1 or more."],
    [[grey, null], "The options of classify are null; give an object."],
  ])("refuses %j", async (given, message) => {
    await using classify = await classifier(inMemory(), { engine });
    expect(await refusal(() => untyped(classify)(...given))).toContain(message);
  });

  it("takes the content of a file in any form", async () => {
    await using classify = await classifier(inMemory(), { engine });
    const file = Buffer.concat([Buffer.from("P6 2 2 255\n"), grey.data]);
    const expected = await classify(grey);
    const copy = file.buffer.slice(file.byteOffset, file.byteOffset + file.length) as ArrayBuffer;
    expect(await classify([file, copy, new Blob([file])])).toEqual([expected, expected, expected]);
  });

  it("refuses tokens and embeddings that do not exist", async () => {
    await using classify = await classifier(inMemory(), { engine });
    expect(await refusal(() => untyped(classify.attention)(grey, "patches"))).toContain("choose class or distillation");
    expect(await refusal(() => untyped(classify.embed)(grey, { from: "patch" }))).toContain("give class or patches");
    expect(await classify.attention([grey, grey])).toHaveLength(2);
  });

  it("completes what has been asked before it closes", async () => {
    const classify = await classifier(inMemory(), { engine });
    const asked = [classify([grey, grey, grey]), classify.embed(grey), classify.attention(grey)];
    await classify.close();
    await expect(Promise.all(asked)).resolves.toHaveLength(3);
    expect(await refusal(() => classify(grey))).toBe("The classifier is closed; open a new one.");
  });
});

describe("classifier", () => {
  it.each([
    [[undefined], "The classifier is undefined; give the name of a model, a run folder"],
    [[{}], "The classifier is an object with no properties;"],
    [["deit_tinny_patch16_224"], 'neither a model nor a file or folder; did you mean "deit_tiny_patch16_224"?'],
    [["runs/x", { normalisation: "none" }], 'no option "normalisation"; did you mean "normalization"?'],
    [["runs/x", { engine: null }], "The engine is null; give auto, onnx or xla,"],
    [
      ["runs/x", { engine: { engine: "onnx", thread: 2 } }],
      'The engine has no option "thread"; did you mean "threads"?',
    ],
    [["runs/x", { engine: { threads: 0 } }], "The option threads of the engine is 0; give a whole number, 1 or more."],
    [["runs/x", { classes: "cat" }], 'The option classes of classifier is "cat"; give an array of strings.'],
  ])("refuses %j", async (given, message) => {
    expect(await refusal(() => untyped(classifier)(...given))).toContain(message);
  });
});

describe("train and distil", () => {
  const settings = () => ({ output: join(scratch, "run"), engine, epochs: 1 });

  it.each([
    [{ epoch: 5 }, 'train has no option "epoch"; did you mean "epochs"?'],
    [{ lr: 1e-3 }, "the recipe has a setting of that name; give it as settings: { lr }."],
    [{ workers: -1 }, "The option workers of train is -1; give a whole number, 0 or more."],
    [{ onBadImage: "ignore" }, "give stop or skip."],
    [{ split: "hash" }, 'give a share between 0 and 1, such as 0.2, or "given".'],
    [{ split: 2 }, "The option split of train is 2;"],
    [{ signal: 5 }, "give an AbortSignal."],
    [{ loss: "focal" }, "give a function."],
    [{ output: "" }, "give the folder to write to."],
  ])("refuse %j", async (option, message) => {
    expect(await refusal(() => untyped(train)("procedural:8:8", { ...settings(), ...option }))).toContain(message);
  });

  it.each([
    [undefined, "The images to train on are undefined;"],
    [{ photos: 1 }, "The images to train on are an object with photos;"],
    [{ length: 4, read: () => undefined }, '"samples" does not name its classes;'],
  ])("refuse %j as images", async (images, message) => {
    expect(await refusal(() => untyped(train)(images, settings()))).toContain(message);
  });

  it("refuse a misspelt teacher and a mode that does not exist", async () => {
    const wrong = (option: object) => refusal(() => untyped(distil)("procedural:8:8", { ...settings(), ...option }));
    expect(await wrong({ teacher: "deit_smal_patch16_224" })).toContain('did you mean "deit_small_patch16_224"?');
    expect(await wrong({ teacher: "runs/x", mode: "medium" })).toContain("give hard, soft, decoupled or normalized.");
    expect(await wrong({ teacher: 5 })).toContain("The teacher is 5;");
  });

  it.each([
    ["nothing", () => undefined, "The loss must be a scalar tensor, but it is undefined; return a tensor."],
    ["a vector", (logits: tensor.Tensor) => tensor.mean(logits, [1]), "but it is a tensor [8]; take its mean or sum."],
  ])("refuse a loss that returns %s", async (_, loss, message) => {
    const { classes: _classes, ...recipe } = sizes;
    const small = { model: "deit", ...recipe, batchSize: 8, repeatedAugmentation: 1 };
    const folder = join(scratch, message.length.toString());
    const options = { ...settings(), output: folder, recipe: small, loss, workers: 0 };
    expect(
      await refusal(async () => ((await untyped(train)("procedural:16:8", options)) as { finished: unknown }).finished),
    ).toContain(message);
  });

  it("refuse a loss that cosub would not use", async () => {
    const { classes: _classes, ...recipe } = sizes;
    const small = { model: "deit", ...recipe, batchSize: 8, repeatedAugmentation: 1, cosub: true };
    const loss = (logits: tensor.Tensor) => tensor.mean(logits);
    const options = { ...settings(), output: join(scratch, "cosub"), recipe: small, loss, workers: 0 };
    expect(await refusal(async () => (await train("procedural:16:8", options)).finished)).toContain("set cosub=false");
  });

  it("read the events of a run in one loop at a time", async () => {
    const { classes: _classes, ...recipe } = sizes;
    const small = { model: "deit", ...recipe, batchSize: 8, repeatedAugmentation: 1 };
    const run = await train("procedural:16:8", {
      ...settings(),
      output: join(scratch, "two"),
      recipe: small,
      workers: 0,
    });
    const read = async () => {
      let events = 0;
      for await (const _ of run) events++;
      return events;
    };
    const [first, second] = await Promise.allSettled([read(), read()]);
    expect(first).toMatchObject({ status: "fulfilled" });
    expect(second).toMatchObject({ reason: { message: expect.stringContaining("already being read") } });
  });
});

describe("other functions", () => {
  it("refuse data that is not there", async () => {
    expect(await refusal(() => untyped(memoryDataset)([{ image: 1, label: "a" }]))).toContain(
      'Image 0 of "memory" has no bytes; give { bytes, label }',
    );
    expect(await refusal(() => untyped(sampleDataset)({ length: 1, read: () => undefined }))).toContain(
      "name its classes",
    );
  });

  it("refuse a model that returns no logits", async () => {
    const empty = untyped(defineModel)("empty", { imageSize: 32 }, () => () => undefined);
    const { create } = empty as unknown as { create: (options: object) => { parameters: unknown } };
    expect(await refusal(() => create({ classes: 2 }).parameters)).toContain('The model "empty" returns no logits;');
  });
});
