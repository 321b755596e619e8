/** A model with its weights from a safetensors file, as deit, timm, transformers and torchvision write them. */
import { FileError, WeightsError } from "../errors/errors.js";
import { sentence, setting, way } from "../errors/sentence.js";
import { describedByItself, saysAll } from "../evaluation/described-weights.js";
import { type ResolvedModel, resolveModel } from "../evaluation/resolve-model.js";
import type { ViewChoice } from "../evaluation/view.js";
import { decodeSafetensors } from "../formats/safetensors/decode.js";
import { foreignBytes } from "../weights/foreign-bytes.js";
import { namedWeights } from "../weights/named.js";
import type { LocatedWeights } from "./located.js";

/** What the caller says of the weights. */
export interface WeightsChoice extends ViewChoice {
  /** Name of the model, if the weights do not state it. */
  readonly model?: string;
  /** Class names in the order of the outputs (default: those in the weights, or ImageNet's for a well-known model). */
  readonly classes?: readonly string[];
}

/** Opens the weights in a file's bytes. Throws a DeitError if they do not fit together. */
export function openWeights({ name: path, bytes, inFolder }: LocatedWeights, choice: WeightsChoice): ResolvedModel {
  requireSafetensors(path, bytes);
  const contents = { ...decodeSafetensors(bytes, path), format: "safetensors", notes: [] } as const;
  const file = namedWeights(path, contents);
  if (inFolder && !saysAll(file))
    throw new WeightsError(
      sentence`"${path}" was not written by deit, so the files beside it may say how pictures are preprocessed for it, and pages do not read them${way`; export the folder with deit, or give the address of the file itself, with ${setting("model")}, ${setting("normalization")} and ${setting("classes")} as those files say`}.`,
    );
  return resolveModel(choice, { path, ...file }, describedByItself(path, file));
}

/** The JSON of the header follows its length. What is cut off or damaged later is found when it is read. */
function requireSafetensors(path: string, bytes: Uint8Array): void {
  if (bytes[8] === 0x7b) return;
  const foreign = foreignBytes(path, bytes.subarray(0, 512));
  if (foreign) throw new FileError(path, `"${path}" is ${foreign.is}; ${foreign.way}.`);
}
