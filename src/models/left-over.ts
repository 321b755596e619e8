/** Tensors in weights that a model does not have: which may be ignored, and which indicate a different model. */
import { WeightsError } from "../errors/errors.js";
import { sentence, setting, way } from "../errors/sentence.js";
import type { Model } from "./model.js";

/**
 * Counters of profilers, of batch norm and of averages, mask tokens of pretraining, and indices that follow from the
 * sizes: the logits do not depend on them.
 */
const withoutEffect =
  /(^|\.)(total_ops|total_params|num_batches_tracked|n_averaged|mask_token|position_ids|relative_position_index|attn_mask)$/;

/** Parts of related models that change the computation, by the first words of their names. */
const parts: readonly { readonly name: RegExp; readonly is: string; readonly ofHead?: true }[] = [
  { name: /^norm_pre\./, is: "a norm before the blocks" },
  { name: /^fc_norm\./, is: "a norm of the mean of all patches, which its head reads", ofHead: true },
  { name: /^pre_logits\./, is: "a layer before the head", ofHead: true },
  { name: /^(reg_token|register_tokens?)$/, is: "register tokens" },
  { name: /^(rope|rel_pos|rotary|pos_emb_rope)/, is: "rotary or relative positions" },
  { name: /^attn_pool\./, is: "a pooling by attention", ofHead: true },
  { name: /^blocks\.\d+\.(ls\d|gamma_\d)/, is: "layer scale" },
  { name: /^blocks\.\d+\.attn\.[qk]_norm\./, is: "norms of queries and keys" },
  { name: /^head(_dist)?\./, is: "another head", ofHead: true },
];

/** Tensors needed only for training: losses and their state, metrics, decoders and projections of pretraining. */
const ofTraining =
  /^(loss|criterion|metrics?|(train|val|test)_|accuracy|decoder|projector|projection|predictor|queue|center|memory|prototypes|teacher|ema|optimizer)/;

export interface LeftOver {
  /** Names of tensors that the model does not read. */
  readonly names: readonly string[];
  /** Whether they are between the last block and the logits, so that a reinitialised head does not need them. */
  readonly ofHead: boolean;
}

/** The tensors among `names` that are not the model's. */
export function leftOver(model: Model, names: Iterable<string>): LeftOver {
  const own = new Set(model.parameters.map((p) => p.name));
  const left = [...names].filter((name) => !own.has(name) && !withoutEffect.test(name));
  return { names: left, ofHead: left.some((name) => parts.some((part) => part.ofHead && part.name.test(name))) };
}

export interface LeftOverOptions {
  /** Where the weights come from, for messages. */
  readonly source: string;
  /** Set if training starts from them, possibly with a new head. */
  readonly newHead?: unknown;
  /** Tensors of an unsupported kind, which no part of a classifier has. */
  readonly unread?: ReadonlyMap<string, string>;
  readonly onNote?: (sentence: string) => void;
}

/**
 * Throws if tensors are left over, unless they are only for training, or of a kind that no classifier computes with:
 * these are noted. Training that starts from the weights can also do without heads of a different kind and unknown
 * parts; a part that changes the tokens is refused there too.
 */
export function requireNothingLeft(model: Model, { names }: LeftOver, options: LeftOverOptions): void {
  const { source, newHead, unread, onNote } = options;
  const own = new Set(model.parameters.map(({ name }) => name.split(".")[0]));
  const dispensable = (name: string) => {
    const part = partOf(name);
    if (part) return newHead !== undefined && part.ofHead === true;
    if (own.has(name.split(".")[0])) return false;
    return newHead !== undefined || ofTraining.test(name) || unread?.has(name) === true;
  };
  const refused = names.filter((name) => !dispensable(name));
  if (refused.length > 0) {
    const what = partOf(refused[0]);
    throw new WeightsError(
      sentence`The weights in "${source}" hold ${listed(refused)} that ${model.name} has not${what ? ` (${what.is})` : ""}; they belong to another architecture${way`; check ${setting("model")}`}.`,
    );
  }
  if (names.length > 0)
    onNote?.(
      `The weights in "${source}" hold ${listed(names)} that ${model.name} does not have; ${names.length > 1 ? "they are" : "it is"} not used.`,
    );
}

const partOf = (name: string) => parts.find((part) => part.name.test(name));

const listed = (names: readonly string[]): string =>
  `${JSON.stringify(names[0].slice(0, 60))}${names.length > 1 ? ` and ${names.length - 1} more` : ""}`;
