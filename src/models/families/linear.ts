/** The linear classifier, which every other model has to beat. */
import { linearClassifier } from "../linear.js";
import { family } from "./family.js";

export const linearFamily = family({
  title: "linear",
  description: "A linear classifier on pixels: the baseline that every other model has to beat.",
  settings: {},
  parameters: { names: /^head\.(weight|bias)$/, anchors: [] },
  models: { linear: { create: linearClassifier, anySize: true } },
});
