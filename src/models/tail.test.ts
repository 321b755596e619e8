import { expect, it } from "vitest";
import { UsageError } from "../errors/errors.js";
import { RandomStream } from "../random/stream.js";
import { evaluate, hostTensor, input, type Tensor } from "../tensor/index.js";
import { observingContext, parameterInputs } from "./context.js";
import { deit } from "./deit.js";
import { initialize } from "./initialize.js";
import { tailOf, tokensBefore } from "./tail.js";

const sizes = { imageSize: 16, patchSize: 8, width: 8, heads: 2, depth: 3, classes: 4, distilled: true };
const model = deit("small", sizes);

const random = (shape: readonly number[]) => {
  const stream = new RandomStream({ seed: 1, purpose: "tail" });
  const size = shape.reduce((product, n) => product * n, 1);
  return hostTensor(
    "float32",
    shape,
    Float32Array.from({ length: size }, () => stream.normal(0, 1)),
  );
};
const numbers = (data: ArrayLike<number>) => Float64Array.from(data);

it.each([1, 2, 3])("computes from the tokens before the last %i blocks what the model does from images", (blocks) => {
  const images = random([2, 16, 16, 3]);
  const tensors = new Map([...initialize(model, 0)]).set("images", images);
  const values = new Map([...tensors].map(([name, { data }]) => [name, numbers(data as Float32Array)]));
  const parameters = parameterInputs(model);
  const context = observingContext(parameters, () => true);
  const whole = model.forward(context, input("images", "float32", images.shape));
  const tokens = context.observed.get(tokensBefore(model, blocks))!;
  const [seen, ...expected] = evaluate([tokens, whole.logits, whole.distillation!], values);

  const tail = tailOf(model, blocks);
  const given: Tensor = input("tokens", "float32", tokens.shape);
  const { logits, distillation } = tail.forward(
    observingContext(parameterInputs(tail), () => false),
    given,
  );
  const found = evaluate([logits, distillation!], new Map([...values, ["tokens", numbers(seen)]]));
  for (const [i, row] of found.entries()) for (const [j, v] of row.entries()) expect(v).toBeCloseTo(expected[i][j], 10);
});

it("has the parameters that it reads alone", () => {
  const names = tailOf(model, 1).parameters.map(({ name }) => name);
  expect(names.filter((name) => /^blocks\.[01]\.|embed|token/.test(name))).toEqual([]);
  const rest = model.parameters.map(({ name }) => name).filter((name) => /^(blocks\.2|norm|head)/.test(name));
  expect(names).toEqual(rest);
});

it.each([0, 4])("refuses %i of three blocks", (blocks) => {
  expect(() => tailOf(model, blocks)).toThrow(
    new UsageError(
      `The last ${blocks} blocks of "small" cannot be trained, since it has 3; give a number from 1 to 3.`,
    ),
  );
});
