/** Inspects a run's best model: its predictions on the test images, and pictures of informative ones. */

import { join } from "node:path";
import { type Dataset, requireOneLabel, subset } from "../data/dataset/dataset.js";
import type { Loader } from "../data/loading/loader.js";
import { unpacked } from "../data/view/channels.js";
import type { Engine } from "../engines/engine.js";
import { UsageError } from "../errors/errors.js";
import { Attention, type AttentionMaps, type AttentionToken } from "../evaluation/attention.js";
import { DecisionRecorder, type Decisions, hardest, surestMistakes } from "../evaluation/decisions.js";
import { headLogits, logitsAt } from "../evaluation/heads.js";
import { openModel } from "../evaluation/open-model.js";
import { passOver } from "../evaluation/pass.js";
import { Probe } from "../evaluation/probe.js";
import type { EvaluationView } from "../evaluation/view.js";
import { viewLoader } from "../evaluation/view-loader.js";
import { sidesOf } from "../geometry/image-size.js";
import { headsOf } from "../models/context.js";
import { requireFiniteLogits } from "../models/finite.js";
import { imageLength } from "../models/image-batch.js";
import type { Model } from "../models/model.js";
import { modelAt } from "../models/model-at.js";
import type { OwnModel } from "../models/own-model.js";
import type { NamedTensors } from "../tensor/index.js";
import type { RunSummary } from "../training/run-folder/summary.js";
import { overlay } from "./attention-picture.js";
import type { Picture } from "./page.js";
import { smallPicture } from "./pictures.js";

export interface InspectOptions {
  readonly engine: Engine;
  /** The images that the run was tested on. */
  readonly dataset: Dataset;
  readonly workers: number;
  /** The definition of the run's model, if it is a custom one. */
  readonly ownModel?: OwnModel;
  /** Number of images shown of each kind. */
  readonly shown: number;
  /** Further images to show, by their indices. */
  readonly picked?: readonly number[];
  /** Which weights (default: `best`). */
  readonly weights?: "best" | "last";
  readonly signal?: AbortSignal;
  readonly onProgress?: (images: number) => void;
}

/** An image as preprocessed for the model. */
export interface Example {
  readonly name: string;
  readonly label: number;
  readonly decided: number;
  /** Probabilities of the predicted and of the true class. */
  readonly confidence: number;
  readonly truth: number;
  readonly picture: Picture;
  /** The same overlaid with the attention of the model's tokens; none for models without attention. */
  readonly attention: readonly { readonly token: AttentionToken; readonly picture: Picture }[];
}

export interface RunInspection {
  readonly classes: readonly string[];
  readonly decisions: Decisions;
  /** `surestMistakes`: the most confident mistakes; `hardest`: others whose true class got the lowest probability. */
  readonly hardest: readonly Example[];
  readonly surestMistakes: readonly Example[];
  /** Those that were asked for. */
  readonly picked?: readonly Example[];
}

/** Predictions of the run's weights on `dataset`, from both heads together if there are two. */
export async function inspectRun(run: RunSummary, options: InspectOptions): Promise<RunInspection> {
  const { engine, dataset, shown, picked = [], signal, onProgress } = options;
  requireOneLabel(
    dataset,
    "and a report on predictions is about one class each; deit evaluate gives the average precision of each class, and a report without images the curves",
  );
  const { model, view, weights } = await openModel({
    weights: join(run.folder, `${options.weights ?? "best"}.safetensors`),
    ownModel: options.ownModel,
  });
  const [head] = headsOf(model);
  const probe = await Probe.create(engine, model, weights, headLogits(model));
  const loader = testLoader(view, dataset, options.workers);
  const recorder = new DecisionRecorder(dataset.length, model.classes);
  try {
    for await (const { batch, values } of passOver(probe, { loader, signal, onProgress }))
      for (let i = 0; i < batch.count; i++) {
        const logits = logitsAt(values, head, i);
        requireFiniteLogits(logits, model.name, dataset.describe(batch.indices[i]));
        recorder.add(logits, batch.labels[i]);
      }
  } finally {
    await loader.close();
    await probe.dispose();
  }
  const decisions = recorder.result();
  const sure = surestMistakes(decisions, shown);
  const known = new Set(sure);
  const hard = hardest(decisions, shown + sure.length)
    .filter((i) => !known.has(i))
    .slice(0, shown);
  const examples = await exampleImages(
    view,
    model,
    weights,
    [...new Set([...hard, ...sure, ...picked])],
    decisions,
    options,
  );
  const those = (indices: readonly number[]) => indices.map((i) => examples.get(i)!);
  return {
    classes: dataset.classes,
    decisions,
    hardest: those(hard),
    surestMistakes: those(sure),
    picked: those(picked),
  };
}

/** All images in order, preprocessed as for the test. */
const testLoader = (view: EvaluationView, dataset: Dataset, workers: number): Loader =>
  viewLoader({ dataset, view, batchSize: Math.min(32, dataset.length), workers });

/** The images at `indices`, with their attention if the model has any. */
async function exampleImages(
  view: EvaluationView,
  model: Model,
  weights: NamedTensors,
  indices: readonly number[],
  decisions: Decisions,
  { engine, dataset }: InspectOptions,
): Promise<ReadonlyMap<number, Example>> {
  const examples = new Map<number, Example>();
  if (indices.length === 0) return examples;
  const attention = await attentionOf(engine, model, weights);
  const loader = testLoader(view, subset(dataset, indices), 0);
  try {
    for await (const batch of loader.epoch(0)) {
      const maps: { token: AttentionToken; of: AttentionMaps[] }[] = [];
      for (const { token, attention: each } of attention)
        maps.push({ token, of: await each.maps(batch.images, loader.batchSize, batch.size) });
      const length = imageLength(modelAt(model, batch.size));
      for (let slot = 0; slot < batch.count; slot++) {
        const index = indices[batch.indices[slot]];
        const data = batch.images.slice(slot * length, (slot + 1) * length);
        const image = unpacked(model.channels, sidesOf(batch.size), data);
        const shown = maps.map(async ({ token, of }) => {
          const { rollout, grid } = of[slot];
          return { token, picture: await smallPicture(overlay(image, rollout, grid)) };
        });
        examples.set(index, {
          name: dataset.key(index),
          label: decisions.labels[index],
          decided: decisions.decided[index],
          confidence: decisions.confidence[index],
          truth: decisions.truth[index],
          picture: await smallPicture(image),
          attention: await Promise.all(shown),
        });
      }
    }
  } finally {
    await loader.close();
    for (const each of attention) await each.attention.dispose();
  }
  return examples;
}

/** Attention of the class and distillation tokens, as far as the model has them. */
async function attentionOf(engine: Engine, model: Model, weights: NamedTensors) {
  const tokens: { readonly token: AttentionToken; readonly attention: Attention }[] = [];
  for (const token of ["class", "distillation"] as const)
    try {
      tokens.push({ token, attention: await Attention.create(engine, model, weights, token) });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error; // a convnet, or no such token
    }
  return tokens;
}
