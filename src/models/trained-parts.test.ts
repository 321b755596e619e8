import { expect, it } from "vitest";
import { deit } from "./deit.js";
import { createModel } from "./registry.js";
import { lastBlocksOf, type TrainedParts, trainedOf } from "./trained-parts.js";

const model = deit("small", { imageSize: 16, patchSize: 8, width: 8, heads: 2, depth: 3, classes: 4, distilled: true });

it.each<[TrainedParts, RegExp, readonly string[] | undefined]>([
  ["all", /./, undefined],
  ["attention", /\.attn\.|^pos_embed$|^head/, undefined],
  ["last-3-blocks", /^blocks|^norm|^head/, ["embedding"]],
  ["last-2-blocks", /^blocks\.[12]\.|^norm|^head/, ["blocks.0"]],
  ["last-1-blocks", /^blocks\.2\.|^norm|^head/, ["blocks.1"]],
  ["head", /^head/, ["head.input", "head_dist.input"]],
])("%s", (choice, moving, cut) => {
  const trained = trainedOf(model, choice);
  expect(trained.cut).toEqual(cut);
  for (const { name } of model.parameters) expect(trained.moves(name), name).toBe(moving.test(name));
});

it("refuses blocks that a model does not have", () => {
  expect(() => trainedOf(model, "last-4-blocks")).toThrow("since it has 3; give a number from 1 to 3");
  const convnet = createModel("regnety_002", { classes: 2 });
  expect(() => trainedOf(convnet, "last-1-blocks")).toThrow("needs a vision transformer");
  expect(trainedOf(convnet, "head").cut).toEqual(["head.fc.input"]);
});

it("reads the number of last blocks", () => {
  const texts: TrainedParts[] = ["last-12-blocks", "last-0-blocks", "last--1-blocks", "last-1.5-blocks", "head"];
  expect(texts.map(lastBlocksOf)).toEqual([12, undefined, undefined, undefined, undefined]);
});
