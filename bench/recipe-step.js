// A recipe's training step on an engine, as the benchmarks of settings, distillation and seeds run it: always on the same images.
import { createOptimizer, initialize } from "deit";
import { pixels } from "./harness.js";
import { optimizerOf, stateOf, stepData, stepOf } from "./internals.js";

/**
 * Compiles it. `run` makes one step after the other. `teaching` and `taught` are those of the recipe's teacher, and `frozen` gives the
 * state that no step changes, by name.
 */
export async function readyStep(engine, recipe, model, { precision, teaching = {}, taught, frozen } = {}) {
  const step = stepOf(recipe, model, teaching);
  const executable = await engine.compile(step.program, { precision });
  const first = [
    ...stateOf(step, initialize(model, 0), 0),
    ...[...step.frozen.keys()].map((name) => [name, frozen(name)]),
  ];
  const state = await engine.createState(new Map(first));
  const optimizer = createOptimizer(optimizerOf(recipe));
  const { batchSize } = recipe;
  const indices = Int32Array.from({ length: batchSize }, (_, i) => i);
  const batch = {
    ...{ first: 0, count: batchSize, views: new Int32Array(batchSize), indices },
    images: pixels(batchSize * model.imageSize ** 2 * model.channels),
    labels: indices.map((i) => i % model.classes),
  };
  let count = 0;
  const run = () => {
    const scalars = { ...optimizer.scalars(1e-4, ++count), apply: 1, passOver: 0, emaDecay: 0 };
    const data = stepData(step.program, { recipe, epoch: 0, batch: { ...batch, step: count } }, { scalars, taught });
    return executable.run(state, data);
  };
  return { program: step.program, run };
}
