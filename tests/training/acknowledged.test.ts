/** A signal is heard while a step is being made: between its stages the event loop takes its turns. */
import { expect, it } from "vitest";
import { parseSplitRule } from "../../src/data/dataset/split.js";
import type { Engine } from "../../src/engines/engine.js";
import { createOnnxEngine } from "../../src/engines/onnx/engine.js";
import { InterruptedError } from "../../src/errors/errors.js";
import { initialize, initializeInPieces } from "../../src/models/initialize.js";
import { createModel } from "../../src/models/registry.js";
import { inTurns, turn } from "../../src/system/turn.js";
import { parseRecipe } from "../../src/training/recipe/recipe.js";
import { openTrial } from "../../src/training/study/trial.js";

const sizes = { model: "deit", imageSize: 16, patchSize: 4, width: 24, depth: 1, heads: 2, batchSize: 8 };
const recipe = parseRecipe({ ...sizes, repeatedAugmentation: 1, warmupEpochs: 0, epochs: 1 });
const choices = { recipe, data: "procedural:16:64", workers: 0 };

/** A signal that is aborted when the event loop has next looked at what has come. */
function nextTurn(): AbortSignal {
  const controller = new AbortController();
  setImmediate(() => controller.abort());
  return controller.signal;
}

it("receives messages at the end of a turn", async () => {
  const signal = nextTurn();
  await turn();
  expect(signal.aborted).toBe(true);
});

it("draws first parameters in turns, the same numbers, and ends in between", async () => {
  const model = createModel("deit", sizes);
  expect(await inTurns(initializeInPieces(model, 3))).toEqual(initialize(model, 3));
  await expect(inTurns(initializeInPieces(model, 3), nextTurn())).rejects.toThrow(InterruptedError);
});

it("builds the program of a trial in steps: if stopped meanwhile, it compiles nothing", async () => {
  const engine = await createOnnxEngine({ threads: 1 });
  const unwanted: Engine = {
    ...{ info: engine.info, createState: engine.createState.bind(engine), close: engine.close.bind(engine) },
    memoryNeed: engine.memoryNeed.bind(engine),
    compile: () => Promise.reject(new Error("went on to compile")),
  };
  const split = await parseSplitRule("given");
  const controller = new AbortController();
  // The plan ends in a microtask of its last event: from there only a turn of the loop leads here.
  const onEvent = () => setImmediate(() => controller.abort());
  const options = { ...choices, split, engine: unwanted, signal: controller.signal, onEvent };
  onEvent();
  await expect(openTrial(options)).rejects.toThrow(InterruptedError);
  await engine.close();
});

it("ends a trial between the program and its state", async () => {
  const engine = await createOnnxEngine({ threads: 1 });
  const controller = new AbortController();
  let compiled = false;
  const stopped: Engine = {
    ...{ info: engine.info, memoryNeed: engine.memoryNeed.bind(engine), close: engine.close.bind(engine) },
    compile: async (program, options) => {
      const executable = await engine.compile(program, options);
      compiled = true;
      setImmediate(() => controller.abort());
      return executable;
    },
    createState: () => Promise.reject(new Error("went on to the state")),
  };
  await expect(openTrial({ ...choices, engine: stopped, signal: controller.signal })).rejects.toThrow(InterruptedError);
  expect(compiled).toBe(true);
  await engine.close();
});
