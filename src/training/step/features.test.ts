/** Feature distillation against PyTorch (tests/fixtures/training/generate_features.py), in double precision. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Model } from "../../models/model.js";
import { createModel } from "../../models/registry.js";
import { evaluate, gradient, input, type Tensor } from "../../tensor/index.js";
import { featureEpochs, featureWeightsAt } from "../recipe/feature-weight.js";
import { parseRecipe } from "../recipe/recipe.js";
import { teachersOf } from "../recipe/teachers.js";
import {
  featureLoss,
  featurePairs,
  middleLayer,
  onGrid,
  projectionNames,
  projectionOf,
  taughtFeatures,
} from "./features.js";

interface Case {
  readonly student: number;
  readonly teacher: number;
  readonly grid: number;
  readonly loss: number;
  readonly taught: readonly number[];
  readonly values: Readonly<Record<"tokens" | "shown" | "weight" | "bias", readonly number[]>>;
  readonly gradients: Readonly<Record<"tokens" | "weight" | "bias", readonly number[]>>;
}

const { batch, width, channels, prefix, cases } = JSON.parse(
  readFileSync(new URL("../../../tests/fixtures/training/features.json", import.meta.url), "utf8"),
) as { batch: number; width: number; channels: number; prefix: number; cases: readonly Case[] };

const convnet = {} as Model;
const transformer = (grid: number) =>
  ({ tokens: { depth: 1, heads: 1, prefix, grid: [grid, grid] as const } }) as Model;

function graphOf({ student, teacher, grid }: Case) {
  const tokens = input("tokens", "float32", [batch, prefix + student ** 2, width]);
  const shown = input("shown", "float32", [batch, channels, teacher, teacher]);
  const weight = input("weight", "float32", [channels, width]);
  const bias = input("bias", "float32", [channels]);
  const taught = taughtFeatures(convnet, shown, { grid: [grid, grid] });
  return {
    taught,
    loss: featureLoss(transformer(student), tokens, taught, { weight, bias }),
    tokens,
    weight,
    bias,
    shown,
  };
}

function expectClose(ours: ArrayLike<number>, reference: readonly number[]): void {
  expect(ours.length).toBe(reference.length);
  // Weights of resampling are float32.
  reference.forEach((v, i) => {
    expect(Math.abs(ours[i] - v)).toBeLessThan(1e-6);
  });
}

describe("feature distillation", () => {
  it.each(cases)(
    "of $student × $student tokens and a map of $teacher × $teacher on $grid × $grid is PyTorch's",
    (each) => {
      const { taught, loss, tokens, weight, bias } = graphOf(each);
      const values = new Map(Object.entries(each.values));
      const [ours, target, ...gradients] = evaluate([loss, taught, ...gradient(loss, [tokens, weight, bias])], values);
      expectClose(target, each.taught);
      expectClose(ours, [each.loss]);
      expectClose(gradients[0], each.gradients.tokens);
      expectClose(gradients[1], each.gradients.weight);
      expectClose(gradients[2], each.gradients.bias);
    },
  );

  it("has the gradients of finite differences, and none for the teacher", () => {
    const { loss, tokens, weight, bias, shown } = graphOf(cases[3]);
    const values = new Map(Object.entries(cases[3].values).map(([name, v]): [string, number[]] => [name, [...v]]));
    const at = (t: Tensor) => [...evaluate([t], values)[0]];
    for (const [name, of] of Object.entries({ tokens, weight, bias })) {
      const slope = at(gradient(loss, [of])[0]);
      const list = values.get(name)!;
      for (const i of [0, list.length >> 1, list.length - 1]) {
        const [step, before] = [1e-5, list[i]];
        list[i] = before + step;
        const [above] = at(loss);
        list[i] = before - step;
        const [below] = at(loss);
        list[i] = before;
        expect(Math.abs((above - below) / (2 * step) - slope[i]), `${name} ${i}`).toBeLessThan(1e-6);
      }
    }
    expect(at(gradient(loss, [shown])[0]).every((v) => v === 0)).toBe(true);
  });

  it("keeps a map that is already on the grid", () => {
    const map = input("map", "float32", [1, 3, 3, 2]);
    expect(onGrid(map, [3, 3])).toBe(map);
  });

  it("projects from the student's layer to the teacher's length, by parameters of its own", () => {
    const model = createModel("deit", { imageSize: 16, patchSize: 4, width: 8, depth: 5, heads: 1, classes: 3 });
    expect(middleLayer(model)).toBe("blocks.2");
    const features = { student: "blocks.2", teacher: "s3", grid: [2, 2], channels: 6 } as const;
    expect(projectionOf(model, features).map(({ name, shape, decay }) => ({ name, shape, decay }))).toEqual([
      { name: projectionNames().weight, shape: [6, 8], decay: true },
      { name: projectionNames().bias, shape: [6], decay: false },
    ]);
    expect(projectionOf(model, features, 1).map(({ name }) => name)).toEqual(Object.values(projectionNames(1)));
    expect(() => projectionOf(model, { ...features, student: "block.2" })).toThrow(
      'The student "deit" has no layer "block.2"; did you mean "blocks.2"? Its layers are embedding, blocks.0,',
    );
  });
});

describe("its weight", () => {
  const recipe = (features: object, epochs = 10) =>
    parseRecipe({ epochs, teacherWeights: "runs/teacher", features: { teacher: "s3", ...features } });

  it("stays, or falls in a line or half a cosine, until its share of the epochs", () => {
    const at = (features: object) => [0, 1, 2.5, 5, 9.9].map((epoch) => featureWeightsAt(recipe(features), epoch)[0]);
    expect(at({ weight: 2 })).toEqual([2, 2, 2, 2, 2]);
    expect(at({ weight: 2, until: 0.5 })).toEqual([2, 2, 2, 0, 0]);
    expect(at({ until: 0.5, fall: "linear" })).toEqual([1, 0.8, 0.5, 0, 0]);
    expect(at({ until: 0.5, fall: "cosine" }).map((v) => v.toFixed(6))).toEqual(
      [1, (1 + Math.cos(Math.PI / 5)) / 2, 0.5, 0, 0].map((v) => v.toFixed(6)),
    );
    expect(featureWeightsAt(parseRecipe({}), 0)).toEqual([]);
  });

  it("is one for each pair of layers", () => {
    const features = [{ teacher: "s2", weight: 3 }, { teacher: "s3", until: 0.5, fall: "linear" }, { teacher: "s4" }];
    const of = parseRecipe({ epochs: 10, teacherWeights: "runs/teacher", features });
    expect(featureWeightsAt(of, 2.5)).toEqual([3, 0.5, 1]);
  });

  it("says in how many epochs the teacher is needed", () => {
    const epochs = (features: object, all = 10) => featureEpochs(featurePairs(recipe(features, all).features)[0], all);
    expect(epochs({})).toBe(10);
    expect(epochs({ until: 0.25 })).toBe(3);
    expect(epochs({ until: 0.07 }, 100)).toBe(7); // 7.000000000000001
  });
});

describe("a recipe with features", () => {
  it("needs a teacher, and a body that learns", () => {
    expect(() => parseRecipe({ features: { teacher: "s3" } })).toThrow(
      `The recipe has features to learn from the teacher's "s3", but there is no teacher; set teacherWeights`,
    );
    const taught = { teacherWeights: "runs/teacher", features: { teacher: "s3" } };
    expect(() => parseRecipe({ ...taught, cosub: true })).toThrow("takes no teacher");
    expect(() => parseRecipe({ ...taught, trainedParts: "head" })).toThrow("trains only its head");
    expect(() => parseRecipe({ ...taught, features: { techer: "s3" } })).toThrow('did you mean "teacher"?');
  });

  it("says in which of several pairs something is wrong", () => {
    const of = (features: unknown) => () => parseRecipe({ teacherWeights: "runs/teacher", features });
    expect(of([{ teacher: "s3" }, { teacher: "s2", wieght: 2 }])).toThrow(
      'The setting "features.1" of the recipe has no "wieght"; did you mean "weight"?',
    );
    expect(of([{ teacher: "s3" }, {}])).toThrow('"features.1.teacher" of the recipe is wrong: it is missing');
    expect(of([{ teacher: "s3", weight: -1 }])).toThrow('"features.0.weight" of the recipe is wrong: it is -1');
    expect(of([])).toThrow('"features" of the recipe is wrong: it is [], and must be a list of 1 values');
    expect(of("s3")).toThrow(
      '"features" of the recipe is wrong: it is "s3", and must be an object of settings or a list',
    );
  });

  it("with several teachers takes all layers from one of them", () => {
    const of = (...from: (string | undefined)[]) =>
      parseRecipe({
        ...{
          distillation: "soft",
          teachers: [
            { name: "a", teacherWeights: "a" },
            { name: "b", teacherWeights: "b" },
          ],
        },
        features: from.map((name, i) => ({ teacher: `s${i + 1}`, from: name })),
      });
    expect(teachersOf(of("b", "b")).map(({ recipe }) => featurePairs(recipe.features).length)).toEqual([0, 2]);
    expect(() => of("a", "b")).toThrow(
      'The features of a recipe are layers of one teacher, but those of "s1" are of "a" and those of "s2" of "b"; give all',
    );
  });
});
