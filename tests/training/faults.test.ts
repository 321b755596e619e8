/** What goes wrong in the middle of a run costs nothing: it stops or goes back, and continues to the very same weights. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { drawProcedural } from "../../src/data/pixels/procedural-image.js";
import type { Engine } from "../../src/engines/engine.js";
import type { TrainOptions } from "../../src/training/run/train-options.js";
import { train } from "../../src/training/run/trainer.js";
import { logSchema, readLog } from "../../src/training/run-folder/log-schema.js";
import { mixInputs } from "../../src/training/step/batch/mixing.js";
import { expectSameState, trainSteps, useRuns } from "./setup.js";

const { options, folder, engine } = useRuns();

/** The engine of the tests, for which the given runs of the training program get numbers that are none. */
function breaking(isBroken: (call: number) => boolean): Engine {
  const sound = engine();
  let calls = 0;
  return {
    ...{ info: sound.info, createState: sound.createState.bind(sound), close: sound.close.bind(sound) },
    memoryNeed: (program, choice) => sound.memoryNeed(program, choice),
    compile: async (program, choice) => {
      const executable = await sound.compile(program, choice);
      if (program.name !== "train") return executable;
      return {
        ...{ program, dispose: () => executable.dispose() },
        run: (state, data) => {
          if (isBroken(++calls)) (data.get(mixInputs.share)!.data as Float32Array).fill(Number.NaN);
          return executable.run(state, data);
        },
      };
    },
  };
}

const lines = async (name: string, kind: string) =>
  (await readLog(join(folder(name), "log.jsonl"))).filter((l) => l.kind === kind);

describe("a loss that is not a number", () => {
  it("stops before anything moves: the saved run continues to the weights of one without the fault", async () => {
    for (const accumulate of [1, 2]) {
      const settings = { emaDecay: 0.9, accumulate, batchSize: 16 * accumulate };
      const [whole, name] = [`nan-whole${accumulate}`, `nan-stop${accumulate}`];
      await train(options(whole, settings));
      const fault = { engine: breaking((call) => call === 4) };
      await expect(train(options(name, settings, fault))).rejects.toThrow(
        /^The loss became infinite or NaN at step \d+ \(epoch 1; first: the logits\); the weights were not updated/,
      );
      const [record] = await lines(name, "broken");
      expect(record).toMatchObject({ what: "loss", run: 3, onNaN: "stop", samples: expect.any(Array) });
      const step = accumulate === 1 ? 4 : 2;
      const diagnosis = JSON.parse(await readFile(join(folder(name), `broken-step-${step}.json`), "utf8"));
      expect(diagnosis.samples).toHaveLength(16);
      expect(diagnosis.samples[0].name).toMatch(/^procedural train image \d+$/);
      await train(options(name, settings, { resume: true }));
      await expectSameState(folder(whole), folder(name));
    }
  });

  it("goes back to a saved state, skips the step and lowers the rate until the epoch's end", async () => {
    const settings = { epochs: 2 };
    const fault = (): Partial<TrainOptions> => ({ onNaN: "rollback", checkpointMinutes: 0 });
    const warnings: string[] = [];
    const result = await train(
      options("back", settings, {
        ...fault(),
        engine: breaking((call) => call === 4),
        onEvent: (e) => e.kind === "warning" && warnings.push(e.message),
      }),
    );
    expect(result.epochs.map((e) => e.step)).toEqual([6, 12]);
    expect(warnings.join()).toMatch(
      /became infinite or NaN at step 4 .* Training goes back to step 3 and continues from there/,
    );
    expect(await lines("back", "rollback")).toMatchObject([
      { epoch: 0, step: 3, runs: 3, attempt: 1, rateFactor: 0.5 },
    ]);
    const [first, second] = await lines("back", "epoch");
    const whole = await train(options("not-back", settings));
    expect(first).toMatchObject({ lr: whole.epochs[0].lr / 2 });
    expect(second).toMatchObject({ lr: whole.epochs[1].lr });
    // The same with an interruption after the return.
    const cut = options("back-cut", settings, { ...fault(), engine: breaking((call) => call === 4) });
    expect(await trainSteps(cut, 5)).toBe(true);
    await train(options("back-cut", settings, { ...fault(), resume: true }));
    await expectSameState(folder("back"), folder("back-cut"));
  });

  it("stops after three returns in one epoch, with the run saved before the fault", async () => {
    const fault = { engine: breaking((call) => call >= 3), onNaN: "rollback" as const };
    await expect(train(options("tired", {}, fault))).rejects.toThrow("became infinite or NaN");
    expect((await lines("tired", "rollback")).map((l) => l.kind === "rollback" && l.rateFactor)).toEqual([
      0.5, 0.25, 0.125,
    ]);
    expect((await lines("tired", "broken")).at(-1)).toMatchObject({ onNaN: "stop" });
    expect((await lines("tired", "stopped")).at(-1)).toMatchObject({ kind: "stopped" });
  });
});

describe("data that is not there", () => {
  let data: string;
  beforeAll(async () => {
    data = folder("images");
    for (const [label, name] of ["disc", "ring", "square"].entries()) {
      await mkdir(join(data, name), { recursive: true });
      for (let i = 0; i < 32; i++) {
        const { data: pixels } = drawProcedural({ size: 16, seed: i, label });
        const png = await sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } })
          .png()
          .toBuffer();
        await writeFile(join(data, name, `${i}.png`), png);
      }
    }
  });

  it("stops the run at a file that vanishes within an epoch, and continues when it is back", async () => {
    const settings = { epochs: 1 };
    const run = (name: string, more: Partial<TrainOptions> = {}) => train(options(name, settings, { data, ...more }));
    await run("files");
    // Of all files at once, so that a later batch meets one.
    const vanish = (e: { kind: string }) => {
      if (e.kind === "step") void rename(join(data, "ring"), join(data, "../gone")).catch(() => undefined);
    };
    await expect(run("vanished", { onEvent: vanish })).rejects.toThrow(
      /Cannot read ".*ring.*\.png": it does not exist.* The run is saved at step \d: repair the data, then continue/,
    );
    await expect(run("vanished", { resume: true })).rejects.toThrow(
      /the training images are others \(96 before, 64 now\)|The folder/,
    );
    await rename(join(data, "../gone"), join(data, "ring"));
    await run("vanished", { resume: true });
    await expectSameState(folder("files"), folder("vanished"));
  });

  it("refuses different images under the same path, and accepts the same under another", async () => {
    await trainSteps(options("moved", {}, { data }), 1);
    await rename(data, join(data, "../moved-images"));
    const there = { data: join(data, "../moved-images"), resume: true };
    await rename(join(there.data, "disc/0.png"), join(there.data, "disc/other.png"));
    await expect(train(options("moved", {}, there))).rejects.toThrow("the training images are others");
    await rename(join(there.data, "disc/other.png"), join(there.data, "disc/0.png"));
    expect((await train(options("moved", {}, there))).interrupted).toBe(false);
  });
});

it("tidies up after a process that was killed: half-written files and a torn line of the log", async () => {
  await trainSteps(options("torn", { epochs: 1 }), 1);
  const log = join(folder("torn"), "log.jsonl");
  await writeFile(log, `${await readFile(log, "utf8")}{"time":"2026-01-01T00:0`);
  await writeFile(join(folder("torn"), ".state.safetensors.123.4.tmp"), "half");
  await rm(join(folder("torn"), "state.json"));
  await train(options("torn", { epochs: 1 }, { resume: true }));
  expect((await readdir(folder("torn"))).filter((f) => f.startsWith("."))).toEqual([]);
  expect((await lines("torn", "resumed"))[0]).toMatchObject({ step: expect.any(Number), changed: {} });
});

it("every line of the logs written here matches the schema, without additional fields", async () => {
  const kinds = new Set<string>();
  for (const name of await readdir(folder("."))) {
    const text = await readFile(join(folder(name), "log.jsonl"), "utf8").catch(() => "");
    for (const line of text.split("\n").filter(Boolean)) {
      const raw = JSON.parse(line);
      expect(logSchema.parse(raw)).toEqual(raw);
      kinds.add(raw.kind);
    }
  }
  expect([...kinds].sort()).toEqual(logSchema.options.map((o) => o.shape.kind.value).sort());
});
