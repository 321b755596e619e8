import { expect, it } from "vitest";
import { decodeImage } from "../../src/data/codec/decode.js";
import { openDataset } from "../../src/data/sources/open.js";
import { readSample } from "../../src/data/view/view.js";
import { DeitError } from "../../src/errors/errors.js";
import { readMat } from "../../src/formats/mat.js";
import { fuzzData } from "./data.mjs";

it("a thousand mutated datasets and images are read or refused in a sentence", async () => {
  const library = { openDataset, readSample, decodeImage, readMat, DeitError };
  const figures = await fuzzData(library, { count: 1000, seed: 1 });
  expect(figures.cases).toBe(1000);
  // Mutations that all fail at the first byte, or all miss, would show nothing.
  expect(figures.read).toBeGreaterThan(100);
  expect(figures.refused).toBeGreaterThan(300);
}, 120_000);
