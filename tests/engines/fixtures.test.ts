/** This installation against values of timm and PyTorch (the folder `fixtures/` of the reference data), on each engine. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engines/engine.js";
import { openEngine } from "../../src/engines/open.js";
import { describeWithReference, shared } from "../setup/reference-data.js";
import { describeWithXla } from "../setup/xla.js";
import type { CaseResult } from "./fixtures/case.js";
import { checkOperations, checkResize } from "./fixtures/images.js";
import { checkForward, checkTrainingStep } from "./fixtures/models.js";
import { checkCheckpoint, checkPositionEmbedding, checkSchedules } from "./fixtures/others.js";
import { checkRegnet } from "./fixtures/regnet.js";

const folder = join(shared, "fixtures");

function expectClose(results: readonly CaseResult[]): void {
  expect(results.length).toBeGreaterThan(0);
  for (const { name, error, limit, values } of results) {
    expect(values, name).toBeGreaterThan(0);
    expect(error, name).toBeLessThanOrEqual(limit);
  }
}

describeWithReference("reference values", () => {
  it.each<[name: string, check: () => Promise<readonly CaseResult[]>]>([
    ["position embeddings", () => checkPositionEmbedding(folder)],
    ["schedules", () => checkSchedules(folder)],
    ["a checkpoint of PyTorch", () => checkCheckpoint(folder, "checkpoint_zip")],
    ["a checkpoint of PyTorch before 1.6", () => checkCheckpoint(folder, "checkpoint_legacy")],
    ["resizing", () => checkResize(folder)],
    ["image operations", () => checkOperations(folder)],
  ])("%s", async (_, check) => expectClose(await check()));

  for (const [name, describeEngine] of [
    ["onnx", describe],
    ["xla", describeWithXla],
  ] as const) {
    describeEngine(`on the engine ${name}`, () => {
      let engine: Engine;
      beforeAll(async () => {
        engine = await openEngine({ engine: name });
      });
      afterAll(() => engine.close());

      it.each(["deit_micro", "deit_micro_distilled"])("the forward pass of %s", async (model) =>
        expectClose(await checkForward(folder, model, engine)),
      );
      it("losses, gradients, five steps of AdamW and the moving average", async () =>
        expectClose(await checkTrainingStep(folder, engine)));
      it("RegNetY: evaluation, gradients and running statistics", async () =>
        expectClose(await checkRegnet(folder, engine)));
    });
  }
});
