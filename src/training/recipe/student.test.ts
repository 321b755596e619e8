import { expect, it } from "vitest";
import { parseRecipe } from "./recipe.js";
import { createStudent } from "./student.js";

const student = (settings: object) => createStudent(parseRecipe(settings), 10);

it("makes the model with the settings that its family reads", () => {
  expect(student({ model: "deit", width: 64, heads: 2, patchSize: 8 }).config).toMatchObject({
    width: 64,
    patchSize: 8,
  });
  const regnet = { initialWidth: 16, groupWidth: 8 };
  expect(student({ model: "regnety", depth: 4, regnet }).config).toMatchObject({ depth: 4, ...regnet });
  expect(student({ model: "linear", imageSize: 16 }).imageSize).toBe(16);
});

it.each([
  [
    { model: "linear", patchSize: 8 },
    'sets patchSize=8, which the model "linear" does not read (it reads imageSize, channels)',
  ],
  [{ model: "deit", regnet: { slope: 10 } }, 'sets slope=10, which the model "deit" does not read'],
  [
    { model: "regnety_040", depth: 5 },
    'sets depth=5, which the model "regnety_040" does not read (it reads imageSize, channels)',
  ],
])("refuses %j: nothing is left out without a word", (settings, message) => {
  expect(() => student(settings)).toThrow(message);
});

it("refuses a token that nothing teaches, and teaching without one", () => {
  expect(() => student({ model: "deit_tiny_distilled_patch16_224" })).toThrow("trains nothing with it");
  expect(() => student({ model: "deit", distillation: "labels" })).toThrow("has none; choose a distilled model");
});
