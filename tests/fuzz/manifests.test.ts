import { expect, it } from "vitest";
import { readSplit } from "../../src/data/dataset/split.js";
import { DeitError } from "../../src/errors/errors.js";
import { readRecipe } from "../../src/training/recipe/file.js";
import { parseRecipe } from "../../src/training/recipe/recipe.js";
import { loadState, saveState } from "../../src/training/run/checkpoint.js";
import { readLog } from "../../src/training/run-folder/log-schema.js";
import { describeRun } from "../../src/training/run-folder/manifest.js";
import { readManifest } from "../../src/training/teacher/manifest.js";
import { fuzzManifests } from "./manifests.mjs";

const readers = { describeRun, loadState, parseRecipe, readLog, readManifest, readRecipe, readSplit };

it("five hundred mutated descriptions of runs give what they say or a clean error", async () => {
  const figures = await fuzzManifests({ DeitError, saveState, ...readers }, { count: 500, seed: 1 });
  expect(figures.cases).toBe(500);
  expect(figures.read).toBeGreaterThan(50);
  expect(figures.refused).toBeGreaterThan(200);
});
