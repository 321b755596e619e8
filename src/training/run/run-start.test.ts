import { describe, expect, it } from "vitest";
import { initializeParameter } from "../../models/initialize.js";
import { float32 } from "../../tensor/index.js";
import type { RunFolder } from "../run-folder/folder.js";
import type { RunManifest } from "../run-folder/manifest.js";
import { beginning } from "../run-folder/position.js";
import type { Step } from "../step/step.js";
import { fittingState, otherEngine, requireSameOrder, stateOf } from "./run-start.js";

const step = {
  state: new Map<string, readonly number[]>([
    ["w", [2]],
    ["ema.w", [2]],
    ["accumulated.w", [2]],
    ["optimizer.exp_avg.w", [2]],
  ]),
  own: [],
} as unknown as Step;
const folderWith = (more: object) => ({ path: "runs/a", changes: {}, ...more }) as unknown as RunFolder;

it("begins averages at the parameters, and all else at zero", () => {
  const state = stateOf(step, new Map([["w", float32([2], [3, 4])]]), 0);
  const values = Object.fromEntries([...state].map(([name, { data }]) => [name, [...data]]));
  expect(values).toEqual({ w: [3, 4], "ema.w": [3, 4], "accumulated.w": [0, 0], "optimizer.exp_avg.w": [0, 0] });
});

it("begins the step's own parameters as drawn from the seed", () => {
  const spec = { name: "p", shape: [2], init: { kind: "uniform", bound: 1 }, kind: "parameter", decay: true } as const;
  const withOwn = { ...step, state: new Map([...step.state, ["p", [2]] as const]), own: [spec] };
  const drawn = (seed: number) => [...stateOf(withOwn, new Map([["w", float32([2], [3, 4])]]), seed).get("p")!.data];
  expect(drawn(1)).toEqual([...initializeParameter(spec, 1).data]);
  expect(drawn(2)).not.toEqual(drawn(1));
});

describe("a saved state", () => {
  const whole = new Map([...step.state.keys()].map((name) => [name, float32([2], [1, 1])]));
  const without = (name: string) => new Map([...whole].filter(([key]) => key !== name));
  const between = { ...beginning, epoch: 2 };
  const within = { ...between, runs: 3 };

  it("may lack sums of gradients between epochs, where they are zero, but not within one", () => {
    const found = fittingState({ state: without("accumulated.w"), position: between }, step, folderWith({}));
    expect([...found.state.get("accumulated.w")!.data]).toEqual([0, 0]);
    expect(() => fittingState({ state: without("accumulated.w"), position: within }, step, folderWith({}))).toThrow(
      '"accumulated.w" of shape [2]',
    );
  });
  it("must hold all else, in the shape of the model", () => {
    const wider = new Map([...whole, ["w", float32([3], [1, 1, 1])]]);
    for (const state of [without("optimizer.exp_avg.w"), wider])
      expect(() => fittingState({ state, position: between }, step, folderWith({}))).toThrow("does not fit the model");
  });
});

describe("a changed order of images", () => {
  it("is one of changed shapes if batches have images of one shape", () => {
    const go = (changes: object, cropMode: "native" | "border") => () =>
      requireSameOrder(folderWith({ changes }), { ...beginning, runs: 5 }, { cropMode });
    expect(go({ cropMode: { from: "native", to: "border" } }, "border")).toThrow("where cropMode cannot change");
    expect(go({ exif: { from: "ignore", to: "apply" } }, "native")).toThrow("where exif cannot change");
    expect(go({ cropMode: { from: "center", to: "border" }, exif: {} }, "border")).not.toThrow();
  });
  const changes = { batchSize: { was: 8, is: 16 }, lr: { was: 1, is: 2 } };
  it("is refused within an epoch, and named", () => {
    const go = (more: object) => () =>
      requireSameOrder(folderWith(more), { ...beginning, epoch: 1, runs: 5 }, { cropMode: "center" });
    expect(go({ changes })).toThrow(/in the middle of epoch 2, after 5 runs, where batchSize cannot change/);
    expect(go({ changes: { dataset: {}, seed: {} } })).toThrow("where seed and the training images cannot change");
    expect(go({ changes: { lr: {} } })).not.toThrow();
  });
  it("is allowed between epochs", () => {
    expect(() =>
      requireSameOrder(folderWith({ changes }), { ...beginning, epoch: 1 }, { cropMode: "center" }),
    ).not.toThrow();
  });
});

it("reports a different engine from the one that started the run", () => {
  const engine = (devices: number) => ({ engine: "xla", platform: "cpu", version: "1", devices });
  const manifest = (devices: number) => ({ engine: engine(devices) }) as RunManifest;
  const begun = folderWith({ before: { manifest: manifest(1) } });
  expect(otherEngine(begun, manifest(1))).toBeUndefined();
  expect(otherEngine(begun, manifest(4))).toMatch(/xla on 1 × cpu \(1\) .* xla on 4 × cpu \(1\)/);
  expect(otherEngine(folderWith({}), manifest(4))).toBeUndefined();
});
