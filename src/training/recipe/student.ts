/** The model that a recipe trains. */
import { UsageError } from "../../errors/errors.js";
import { normalizationOf } from "../../evaluation/normalization.js";
import type { Model } from "../../models/model.js";
import type { OwnModel } from "../../models/own-model.js";
import { createModel, type ModelOptions } from "../../models/registry.js";
import { architectureOptions, optionsReadBy } from "../../models/settings.js";
import { requirePatchDropout } from "./patch-dropout.js";
import type { Recipe } from "./recipe.js";

/** Creates it for `classes` classes and checks that it suits the recipe's distillation. */
export function createStudent(recipe: Recipe, classes: number, own?: OwnModel): Model {
  const { dropPath, dropout, patchDropout } = recipe;
  const asked = architectureOptions(recipe);
  const made = make(recipe.model, own, {
    ...{ ...asked, dropPath, dropout, classes },
    ...(patchDropout > 0 ? { patchDropout } : {}),
  });
  requireObeyed(made, asked);
  requirePatchDropout(made, patchDropout);
  const model =
    recipe.normalization === "auto"
      ? made
      : { ...made, normalization: normalizationOf(recipe.normalization, made.channels) };
  if (model.distilled && (recipe.distillation === "none" || recipe.distillationOn === "class")) {
    throw new UsageError(
      `The model "${model.name}" has a distillation token, but the recipe trains nothing with it; set distillation to hard, soft, decoupled, normalized or labels (with distillationOn=auto), or choose a model without the token.`,
    );
  }
  const wantsToken = recipe.distillation === "labels" || recipe.distillationOn === "distillation";
  if (!model.distilled && recipe.distillation !== "none" && wantsToken) {
    throw new UsageError(
      `The recipe distils through a distillation token, but the model "${model.name}" has none; choose a distilled model or set distilled=true.`,
    );
  }
  return model;
}

/** Refuses settings that the model does not read, or has otherwise. */
function requireObeyed(model: Model, asked: ModelOptions): void {
  const has: Readonly<Record<string, unknown>> = {
    ...model.config,
    imageSize: model.imageSize,
    channels: model.channels,
  };
  const read = optionsReadBy(model.name);
  const ignored = Object.entries(asked).find(([key, value]) =>
    read ? !read.has(key) : written(has[key]) !== written(value),
  );
  if (!ignored) return;
  const [key, value] = ignored;
  const reason = read
    ? `which the model "${model.name}" does not read (it reads ${[...read].join(", ")})`
    : `but the model "${model.name}" has ${key in has ? `${key}=${written(has[key])}` : "no such option"}`;
  throw new UsageError(`The recipe sets ${key}=${written(value)}, ${reason}; leave it out, or choose another model.`);
}

/** A value as `--set` takes it. */
const written = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

function make(name: string, own: OwnModel | undefined, options: ModelOptions & { readonly classes: number }): Model {
  if (!own) return createModel(name, options);
  if (own.name !== name)
    throw new UsageError(`The recipe trains "${name}", but the model that was given is "${own.name}"; give that one.`);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const model = own.create(given);
  if (model.name !== name)
    throw new UsageError(
      `The definition "${name}" creates a model called "${model.name}"; checkpoints need the same name for both.`,
    );
  if (model.classes !== options.classes)
    throw new UsageError(
      `The model "${name}" has ${model.classes} classes, but the data has ${options.classes}; create it with the number of classes in its options.`,
    );
  return model;
}
