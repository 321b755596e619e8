/**
 * Finds the weights in a training program's checkpoint: the set of tensors with a model's names, however nested and
 * with any prefix.
 */
import { WeightsError } from "../errors/errors.js";
import { modelFamilies } from "../models/registry.js";

/** Parameter names of the libraries that weights come from, including those outside the blocks. */
const known: readonly RegExp[] = [
  // timm and facebookresearch/deit
  ...modelFamilies().map(({ parameters }) => parameters.names),
  // transformers
  /^((vit|deit)\.)?(embeddings\..+|encoder\.layer\.\d+\..+|layers\.\d+\..+|layernorm\.\w+|pooler\..+)$/,
  /^(classifier|cls_classifier|distillation_classifier)\.\w+$/,
  /^(regnet\.)?(embedder\.embedder\.\w+\.\w+|encoder\.stages\.\d+\..+)$|^classifier\.1\.\w+$/,
  // torchvision
  /^(stem\.\d\.\w+|trunk_output\.block\d.+|fc\.\w+)$/,
  /^(class_token|conv_proj\.\w+|encoder\.(pos_embedding|layers\..+|ln\.\w+)|heads\.head\.\w+)$/,
];
const isKnown = (name: string): boolean => known.some((pattern) => pattern.test(name));

/** Names of which every model has one: their prefix is the prefix of all names. */
const anchors = [
  ...new Set(modelFamilies().flatMap(({ parameters }) => parameters.anchors)),
  ...["vit.embeddings.cls_token", "deit.embeddings.cls_token", "embeddings.cls_token"],
  ...["vit.layernorm.weight", "deit.layernorm.weight"],
  ...["regnet.embedder.embedder.convolution.weight", "embedder.embedder.convolution.weight"],
  ...["stem.0.weight", "class_token", "conv_proj.weight"],
];

/**
 * What wrappers of PyTorch, Accelerate and others insert into names: data parallel, compiled, sharded, checkpointed.
 */
const wrappers =
  /(?<=^|\.)(module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module|_flat_param)\./g;

/** Names of weights derived from others, such as averages; the others are preferred by default. */
const following = /ema|averag|shadow|teacher|target|momentum|swa\b|(encoder_k|key_encoder|decoder|predictor)\b/i;

export interface BareNames {
  /** Each of the model's names, without the prefix. */
  readonly names: ReadonlyMap<string, string>;
  /** The prefix of all of them, such as "model.". */
  readonly prefix: string;
  /**
   * A head next to the body rather than inside, as "head.weight" next to "model.cls_token"; it is included in `names`.
   */
  readonly head?: string;
  /** Names of other things, such as the weights of a loss. */
  readonly outside: readonly string[];
  /** Number of names that match a model of a known library. */
  readonly recognized: number;
  /** Prefixes of other models with about as many names, such as "teacher.". */
  readonly rivals: readonly string[];
}

/** Throws WeightsError if two names would become equal. */
export function bareNames(given: Iterable<string>): BareNames {
  const unwrapped = [...given].map((name) => [name, name.replace(wrappers, "")] as const);
  const prefixes = new Set([""]);
  for (const [, name] of unwrapped)
    for (const anchor of anchors) if (name.endsWith(`.${anchor}`)) prefixes.add(name.slice(0, -anchor.length));
  const scored = [...prefixes].map((prefix) => {
    const recognized = unwrapped.filter(([, n]) => n.startsWith(prefix) && isKnown(n.slice(prefix.length))).length;
    return { prefix, recognized, rank: following.test(prefix) ? 1 : 0 };
  });
  const most = Math.max(...scored.map(({ recognized }) => recognized));
  const [{ rank, ...best }, ...others] = scored
    .filter(({ recognized }) => recognized * 4 >= most)
    .sort((a, b) => a.rank - b.rank || b.recognized - a.recognized);
  const apart = ({ prefix }: { readonly prefix: string }) =>
    !prefix.startsWith(best.prefix) && !best.prefix.startsWith(prefix);
  const rivals = others.filter((other) => other.rank === rank && apart(other)).map(({ prefix }) => prefix);
  const inside = unwrapped.filter(([, name]) => name.startsWith(best.prefix));
  const names = new Map(inside.map(([name, bare]) => [name, bare.slice(best.prefix.length)]));
  const beside = headBeside(unwrapped, best.prefix, [...names.values()]);
  for (const [name, bare] of beside) names.set(name, bare);
  if (new Set(names.values()).size < names.size) {
    const twice = [...names.values()].find((bare, i, all) => all.indexOf(bare) !== i)!;
    throw new WeightsError(
      `The weights hold ${JSON.stringify(twice.slice(0, 60))} twice, under the names of different wrappers; save the state dict of a single model.`,
    );
  }
  const outside = unwrapped.map(([name]) => name).filter((name) => !names.has(name));
  return { ...best, rivals, names, outside, head: beside[0]?.[0] };
}

const headName = /^(head|classifier)\.(weight|bias)$/;

/**
 * The head of a wrapper whose body has none: its names with and without the prefix. Not for a body with a distillation
 * token, which without a head is read as the mean of two.
 */
function headBeside(
  unwrapped: readonly (readonly [string, string])[],
  prefix: string,
  body: readonly string[],
): readonly (readonly [string, string])[] {
  if (prefix === "" || !body.includes("cls_token") || body.includes("dist_token")) return [];
  if (body.some((name) => /^(head|head_dist|classifier|fc)\./.test(name))) return [];
  const parent = prefix.replace(/[^.]+\.$/, "");
  return unwrapped
    .filter(([, name]) => name.startsWith(parent) && headName.test(name.slice(parent.length)))
    .map(([given, name]) => [given, `head.${name.slice(name.lastIndexOf(".") + 1)}`]);
}

/** A set of tensors at the same level of a file. */
export interface Candidate<T> {
  /** Their path in the file, such as "model" or "checkpoint.model"; empty at the top. */
  readonly path: string;
  readonly tensors: ReadonlyMap<string, T>;
}

export interface Chosen<T> {
  readonly candidate: Candidate<T>;
  /** Number of its names that match a model of a known library. */
  readonly recognized: number;
  /** Others that are equally likely to be a model's weights. */
  readonly others: readonly Candidate<T>[];
}

/**
 * The candidate with the most names of a model; among several with about as many, one not named as an average or a
 * teacher, then the one with the most, then the first. Undefined if there are none.
 */
export function chooseStateDict<T>(candidates: readonly Candidate<T>[]): Chosen<T> | undefined {
  const scored = candidates.map((candidate) => {
    const { recognized } = bareNames(candidate.tensors.keys());
    return { candidate, recognized, rank: following.test(candidate.path) ? 1 : 0 };
  });
  const most = Math.max(0, ...scored.map(({ recognized }) => recognized));
  if (most === 0) {
    const size = (of: Candidate<T>) => of.tensors.size;
    const [largest] = scored.sort((a, b) => a.rank - b.rank || size(b.candidate) - size(a.candidate));
    return largest && { ...largest, others: [] };
  }
  const [first, ...rest] = scored
    .filter(({ recognized }) => recognized * 2 > most)
    .sort((a, b) => a.rank - b.rank || b.recognized - a.recognized);
  return { ...first, others: rest.map(({ candidate }) => candidate) };
}

/** The tensors with a name as prefix, as "student" in "student.head.weight"; undefined if there are none. */
export function candidateUnder<T>(candidates: readonly Candidate<T>[], key: string): Candidate<T> | undefined {
  for (const { path, tensors } of candidates) {
    const place = path === "" ? "" : `${path}.`;
    if (!key.startsWith(place)) continue;
    const prefix = `${key.slice(place.length)}.`;
    const under = [...tensors].filter(([name]) => name.replace(wrappers, "").startsWith(prefix));
    if (under.length > 0) return { path: key, tensors: new Map(under) };
  }
  return undefined;
}
