/** What a string in place of weights means. */
import { existsSync } from "node:fs";
import { UsageError } from "../errors/errors.js";
import { nearest } from "../errors/nearest.js";
import { modelNames } from "../models/registry.js";

/** Weights from a place, or the published ones of a model. */
export interface ModelOrWeights {
  readonly model?: string;
  readonly weights: string;
}

/**
 * The published weights of a model if it is the name of one, otherwise a place of weights. Throws UsageError for what is
 * neither, but nearly a model's name.
 */
export function modelOrWeights(text: string): ModelOrWeights {
  const names = modelNames();
  if (names.includes(text)) return { model: text, weights: "hub" };
  const meant = /^\w+$/.test(text) && !existsSync(text) ? nearest(text, names) : undefined;
  if (meant === undefined) return { weights: text };
  throw new UsageError(`"${text}" is neither a model nor a file or folder; did you mean "${meant}"?`);
}
