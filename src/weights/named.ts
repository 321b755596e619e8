/** The tensors of a file by timm's names, whatever program and wrapper named them. */
import { WeightsError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";
import { toFloat32 } from "../formats/safetensors/to-float32.js";
import type { JsonObject } from "../system/text/json.js";
import type { HostTensor, NamedTensors } from "../tensor/index.js";
import { fromHuggingface, isHuggingface } from "./huggingface-names.js";
import { fromHuggingfaceRegnet, isHuggingfaceRegnet } from "./huggingface-regnet-names.js";
import { type InnerNormalization, innerNormalization } from "./inner-normalization.js";
import { requireNoAdapter, requireNoRegnetX } from "./relatives.js";
import { fromReleased, isReleased } from "./released-names.js";
import { bareNames } from "./state-dict.js";
import { fromTorchvision, isTorchvision } from "./torchvision-names.js";

/** The contents of a weights file. */
export interface LoadedWeights {
  /** By timm's names, floats as float32. */
  readonly tensors: NamedTensors;
  /** Format of the file. */
  readonly format: "safetensors" | "pytorch";
  /** The file's metadata; deit's own checkpoints state their model and classes here. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The model, if a training program's checkpoint names it. */
  readonly architecture?: string;
  /** That program's arguments, if the checkpoint contains them. */
  readonly trainingArguments?: JsonObject;
  /** How a wrapper normalises images before the model. */
  readonly normalization?: InnerNormalization;
  /** Tensors that are present but not read, with their kind, such as "float8_e5m2" or "sparse". */
  readonly unread: ReadonlyMap<string, string>;
  /** Sentences for the user on the choice of weights. */
  readonly notes: readonly string[];
}

/** The tensors by timm's names, floats as float32. */
export function namedWeights(path: string, { tensors: all, unread, notes, ...rest }: LoadedWeights): LoadedWeights {
  requireNoAdapter(path, all.keys());
  const normalization = innerNormalization(all);
  const tensors = new Map([...all].filter(([name]) => !normalization?.names.includes(name)));
  const { names, prefix, outside, rivals, head } = bareNames([...tensors.keys(), ...unread.keys()]);
  if (rivals.length > 0)
    throw new WeightsError(
      `"${path}" contains several models, whose names begin with ${[prefix, ...rivals].map(quoted).join(", ")}; specify one, as "${path}#${prefix.replace(/\.$/, "")}".`,
    );
  const named = new Map<string, HostTensor>();
  for (const [name, t] of tensors) if (names.has(name)) named.set(names.get(name)!, toFloat32(t));
  const others = new Map([...unread].flatMap(([name, kind]) => (names.has(name) ? [[names.get(name)!, kind]] : [])));
  const unused =
    outside.length === 0
      ? []
      : [
          `Of the tensors in "${path}" those under ${quoted(prefix)} are the model's; ${counted(outside.length, "other")} (such as ${quoted(outside[0])}) ${outside.length === 1 ? "is" : "are"} not used.`,
        ];
  const beside =
    head === undefined
      ? []
      : [
          `The head of "${path}" (${quoted(head)}) lies beside its body (${quoted(prefix)}); it is assumed to take the same input as the body's own head.`,
        ];
  const ours = timmNamed(named);
  requireNoRegnetX(path, ours.keys());
  return {
    ...rest,
    normalization,
    tensors: ours,
    unread: others,
    notes: [...notes, ...beside, ...unused],
  };
}

function timmNamed(tensors: NamedTensors): NamedTensors {
  if (isHuggingface(tensors.keys())) return fromHuggingface(tensors);
  if (isHuggingfaceRegnet(tensors.keys())) return fromHuggingfaceRegnet(tensors);
  if (isReleased(tensors.keys())) return fromReleased(tensors);
  return isTorchvision(tensors.keys()) ? fromTorchvision(tensors) : tensors;
}

const counted = (n: number, word: string): string => `${n} ${word}${n === 1 ? "" : "s"}`;
