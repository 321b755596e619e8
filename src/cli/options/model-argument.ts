/** A model argument of commands that take several: `[NAME=][MODEL:]WEIGHTS`. */
import { basename } from "node:path";
import { modelNames } from "../../models/registry.js";

export interface ModelArgument {
  /** Its name in tables. */
  readonly name: string;
  /** Name of the model, if the weights do not state it. */
  readonly model?: string;
  readonly weights: string;
}

/** As `teacher=runs/teacher`, `deit_tiny_patch16_224:deit_tiny.pth`, `deit_tiny_patch16_224:hub` or `runs/student`. */
function modelArgument(text: string): ModelArgument {
  const equals = text.indexOf("=");
  const [given, rest] = equals > 0 ? [text.slice(0, equals), text.slice(equals + 1)] : [undefined, text];
  const colon = rest.indexOf(":");
  // Windows paths and `hub:owner/name` also contain a colon, so the part before it must be a model.
  const model = colon > 0 && modelNames().includes(rest.slice(0, colon)) ? rest.slice(0, colon) : undefined;
  const weights = model === undefined ? rest : rest.slice(colon + 1);
  const file = basename(weights).replace(/\.(safetensors|pth|pt|bin|onnx)$/i, "");
  return { name: given ?? (weights === "hub" ? (model ?? file) : file), model, weights };
}

/** The same for several; repeated names get a number. */
export function modelArguments(texts: readonly string[]): ModelArgument[] {
  const seen = new Map<string, number>();
  return texts.map(modelArgument).map((argument) => {
    const times = (seen.get(argument.name) ?? 0) + 1;
    seen.set(argument.name, times);
    return times === 1 ? argument : { ...argument, name: `${argument.name} (${times})` };
  });
}
