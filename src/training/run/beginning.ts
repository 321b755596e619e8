/** The start of a run: parameters drawn or loaded, with heads fitted to them if the recipe requires it. */
import type { Dataset } from "../../data/dataset/dataset.js";
import type { Engine } from "../../engines/engine.js";
import { UsageError } from "../../errors/errors.js";
import { sentence, setting } from "../../errors/sentence.js";
import type { Model } from "../../models/model.js";
import type { NamedTensors } from "../../tensor/index.js";
import { builtOn, type Recipe } from "../recipe/recipe.js";
import type { TrainEvent } from "../run-folder/events.js";
import { type FittedHead, fitHeads } from "./fitted-head.js";
import { firstParameters } from "./run-start.js";

export interface Beginning {
  readonly parameters: NamedTensors;
  /** Present if heads were fitted. */
  readonly fitted?: FittedHead;
}

export interface BeginningOptions {
  readonly engine: Engine;
  readonly model: Model;
  readonly dataset: Dataset;
  readonly recipe: Recipe;
  readonly workers: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: TrainEvent) => void;
}

export async function beginRun(options: BeginningOptions): Promise<Beginning> {
  const { model, recipe, dataset, onEvent, signal } = options;
  const onNote = (message: string) => onEvent?.({ kind: "warning", message });
  const parameters = await firstParameters(model, recipe, dataset.classes, { onNote, signal });
  if (recipe.headStart !== "fitted") return { parameters };
  const onProgress = (images: number, total: number) => onEvent?.({ kind: "fitting", images, total });
  const fitted = await fitHeads({ ...options, weights: parameters, onProgress });
  return { parameters: new Map([...parameters, ...fitted.tensors]), fitted };
}

/** Throws for a recipe whose heads cannot be fitted: to an untrained body, or by several processes. */
export function requireFittable(recipe: Recipe, processes: number): void {
  if (recipe.headStart !== "fitted") return;
  if (builtOn(recipe) === undefined)
    throw new UsageError(
      sentence`headStart is fitted, but the model starts from scratch, so there is nothing to fit a head to; give weights with ${setting("finetune")}, or set headStart=given.`,
    );
  if (processes > 1)
    throw new UsageError(
      sentence`Several processes do not fit a head together; train one with the recipe head-only in a single process and give its run folder to ${setting("finetune")}, with ${setting("headStart", "given")}.`,
    );
}
