/** Fine-tuning of an open classifier on a few images: the same in Node and in pages, whatever the engine. */
import { UsageError } from "../errors/errors.js";
import type { CalledParts } from "../evaluation/called-classifier.js";
import type { TrainingRecord } from "../evaluation/training-record.js";
import { seeing } from "../evaluation/view.js";
import type { Model } from "../models/model.js";
import { createModel, registeredModel } from "../models/registry.js";
import { tokensBefore } from "../models/tail.js";
import type { NamedTensors } from "../tensor/index.js";
import { trainBlocks } from "./blocks.js";
import { readExamples } from "./examples.js";
import { featuresOf } from "./features.js";
import { fitHead, headAnswers } from "./head.js";
import { type Answers, heldOutResult, measured } from "./measured.js";
import {
  checkFineTuneOptions,
  type FineTuned,
  type FineTuneEpoch,
  type FineTuneOptions,
  type FineTuneSettings,
  type HeldOut,
  settingsFor,
} from "./options.js";

/**
 * A model for the classes of `given`, trained from the classifier with these parts. The body before the trained blocks
 * sees each view once; heads are fitted to what it makes of them (`fitLogisticRegression`), and the last `blocks` are
 * then trained from there with AdamW. Throws a DeitError, an InterruptedError when the signal is aborted.
 */
export async function fineTuned<Input>(
  { opened, engine: { engine }, read }: CalledParts<Input>,
  given: Readonly<Record<string, readonly Input[]>>,
  options: FineTuneOptions,
): Promise<FineTuned> {
  checkFineTuneOptions(options);
  const { signal, onEvent } = options;
  const { inside, view, name } = opened;
  if (!inside)
    throw new UsageError(
      `Fine-tuning needs weights of one of deit's models, which "${name}" does not hold; give some.`,
    );
  const { blocks, validation, augment, seed } = settingsFor(options, 1);
  if (blocks > 0) tokensBefore(inside.model, blocks); // a model that cannot is refused before anything is computed
  const examples = await readExamples(given, {
    ...{ read, view, validation, augment, seed, signal },
    onWarning: (message) => onEvent?.({ kind: "warning", message }),
  });
  const { classes } = examples;
  const settings = settingsFor(options, examples.training.length);
  const model = withClasses(inside.model, classes.length, view);
  onEvent?.({
    ...{ kind: "start", classes, epochs: settings.epochs },
    ...{ training: examples.training.length, heldOut: examples.heldOut.length },
  });
  const seen = await featuresOf([...examples.training, ...examples.heldOut], {
    ...{ inside, blocks, signal, turn },
    onProgress: (done, total) => onEvent?.({ kind: "features", done, total }),
  });
  const training = seen.slice(0, examples.training.length);
  const heldOut = seen.slice(examples.training.length);
  const history: FineTuneEpoch[] = [];
  const onEpoch = (record: FineTuneEpoch) => {
    history.push(record);
    onEvent?.({ kind: "epoch", ...record });
  };
  const fitted = await fitHead(engine, model, training, signal);
  const weights = withHeads(model, inside.weights, fitted.tensors);
  const made = (tensors: NamedTensors, found: Answers): FineTuned => {
    const result = heldOutResult(found, classes);
    const training = recordOf(settings, examples.training.length, result);
    return { model, weights: tensors, view, classes, history, settings, heldOut: result, training };
  };
  if (blocks === 0) {
    const answers = headAnswers(model, fitted.tensors, heldOut);
    const { loss, top1 } = measured(headAnswers(model, fitted.tensors, training));
    onEpoch({ epoch: 1, epochs: 1, loss, top1, ...(heldOut.length > 0 ? { validation: measured(answers) } : {}) });
    return made(weights, answers);
  }
  const trained = await trainBlocks({
    ...{ engine, model, weights, settings, training, heldOut, signal, turn, onEpoch },
  });
  return made(new Map([...weights, ...trained.tensors]), trained.answers);
}

/** How the weights came about. */
const recordOf = (settings: FineTuneSettings, images: number, heldOut: HeldOut | undefined): TrainingRecord => ({
  data: "images given to fineTune",
  images,
  settings: { ...settings },
  ...(heldOut ? { result: { images: heldOut.count, top1: heldOut.top1 } } : {}),
});

/** The same model for other classes, without what acts in training alone. */
function withClasses(model: Model, classes: number, view: FineTuned["view"]): Model {
  if (!registeredModel(model.name))
    throw new UsageError(
      `"${model.name}" is a custom model, which fineTune cannot give other classes; train it with train().`,
    );
  const resting = Object.fromEntries(
    ["dropPath", "dropout", "patchDropout"].filter((key) => key in model.config).map((key) => [key, 0]),
  );
  return seeing(createModel(model.name, { ...model.config, ...resting, classes }), view);
}

const withHeads = (model: Model, body: NamedTensors, heads: NamedTensors): NamedTensors =>
  new Map(model.parameters.map(({ name }) => [name, heads.get(name) ?? body.get(name)!]));

/** Lets the page draw, and callers abort, between two runs. */
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve);
  });
