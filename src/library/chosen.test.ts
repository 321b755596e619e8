import { expect, it } from "vitest";
import { withoutSizes } from "./chosen.js";

it("ignores the sizes of a recipe's model for a custom model, with a note", () => {
  const recipe = { model: "deit", imageSize: 32, width: 128, lr: 1e-3 };
  expect(withoutSizes(recipe, "tiny")).toEqual({
    value: { model: "deit", lr: 1e-3 },
    notes: [
      expect.stringMatching(/^The recipe's imageSize=32, width=128 are for its own model and left out for "tiny"/),
    ],
  });
  expect(withoutSizes({ ...recipe, model: "tiny" }, "tiny").notes).toEqual([]);
});
