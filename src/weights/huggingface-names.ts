/** Converts parameter names of Hugging Face transformers' DeiT and ViT classifiers to timm's and back. */
import { WeightsError } from "../errors/errors.js";
import { allocate, type HostTensor, type NamedTensors } from "../tensor/index.js";

/** Names outside the blocks, without the model's prefix ("deit." or "vit."); a model without a classifier has none. */
const outer: Readonly<Record<string, string>> = {
  "embeddings.cls_token": "cls_token",
  "embeddings.distillation_token": "dist_token",
  "embeddings.position_embeddings": "pos_embed",
  "embeddings.patch_embeddings.projection.weight": "patch_embed.proj.weight",
  "embeddings.patch_embeddings.projection.bias": "patch_embed.proj.bias",
  "layernorm.weight": "norm.weight",
  "layernorm.bias": "norm.bias",
};

/** Parts of a block as transformers writes them; query, key and value are one tensor in timm. */
const inner: Readonly<Record<string, string>> = {
  layernorm_before: "norm1",
  "attention.output.dense": "attn.proj",
  layernorm_after: "norm2",
  "intermediate.dense": "mlp.fc1",
  "output.dense": "mlp.fc2",
};

/** The same with the internal names of transformers 5, also used in files with `save_original_format=False`. */
const renamed: Readonly<Record<string, string>> = {
  layernorm_before: "norm1",
  "attention.o_proj": "attn.proj",
  layernorm_after: "norm2",
  "mlp.fc1": "mlp.fc1",
  "mlp.fc2": "mlp.fc2",
};

const thirds = ["query", "key", "value"] as const;

interface Generation {
  readonly block: RegExp;
  readonly parts: Readonly<Record<string, string>>;
  /** Names of query, key and value. */
  readonly thirds: readonly string[];
}

const generations: readonly Generation[] = [
  {
    block: /^encoder\.layer\.(\d+)\.(.+)\.(weight|bias)$/,
    parts: inner,
    thirds: thirds.map((third) => `attention.attention.${third}`),
  },
  {
    block: /^layers\.(\d+)\.(.+)\.(weight|bias)$/,
    parts: renamed,
    thirds: ["attention.q_proj", "attention.k_proj", "attention.v_proj"],
  },
];

/** Tensors that none of the library's classifiers reads. */
const unused = /^(pooler\.|embeddings\.mask_token$)/;

/** Whether these are names of transformers' rather than timm's. */
export function isHuggingface(names: Iterable<string>): boolean {
  return [...names].some((n) => /^((deit|vit)\.)?embeddings\.(cls_token|patch_embeddings\.)/.test(n));
}

/**
 * The tensors by timm's names; others keep theirs, except that tensors which no classifier reads are dropped. Throws
 * WeightsError if a query, key and value do not match.
 */
export function fromHuggingface(tensors: NamedTensors): NamedTensors {
  const distilled = [...tensors.keys()].some((n) => n.endsWith("distillation_token"));
  const bare = new Map([...tensors].map(([name, tensor]) => [name.replace(/^(deit|vit)\./, ""), tensor]));
  const result = new Map<string, HostTensor>();
  for (const [name, tensor] of bare) {
    if (unused.test(name)) continue;
    const part = partOf(name);
    const relatives = part?.relatives.map((relative) => bare.get(relative));
    // A query without key and value keeps its name, and is reported as left over.
    const whole = relatives?.every((t) => t !== undefined) ?? true;
    const ours = (whole ? part?.name : undefined) ?? timmName(name, distilled) ?? name;
    if (!result.has(ours))
      result.set(
        ours,
        relatives?.length && whole ? stack(relatives as HostTensor[], `block ${ours.split(".")[1]}`) : tensor,
      );
  }
  return result;
}

/** The meaning of a name within a block: a part of timm's, or one of the three that form `attn.qkv`. */
function partOf(name: string): { readonly name: string; readonly relatives: readonly string[] } | undefined {
  for (const { block, parts, thirds } of generations) {
    const [, index, inside, kind] = block.exec(name) ?? [];
    if (index === undefined) continue;
    const relatives = thirds.map((third) => name.replace(`${inside}.${kind}`, `${third}.${kind}`));
    if (thirds.includes(inside)) return { name: `blocks.${index}.attn.qkv.${kind}`, relatives };
    if (Object.hasOwn(parts, inside)) return { name: `blocks.${index}.${parts[inside]}.${kind}`, relatives: [] };
  }
  return undefined;
}

function timmName(name: string, distilled: boolean): string | undefined {
  const head = /^(cls_classifier|classifier|distillation_classifier)\.(weight|bias)$/.exec(name);
  if (head) return `${head[1] === "distillation_classifier" && distilled ? "head_dist" : "head"}.${head[2]}`;
  return Object.hasOwn(outer, name) ? outer[name] : undefined;
}

/** timm's tensors by transformers' names: those of a DeiT with teacher, or of a ViT when there is no distillation token. */
export function toHuggingface(tensors: NamedTensors): NamedTensors {
  const distilled = tensors.has("dist_token");
  const prefix = distilled ? "deit." : "vit.";
  const outerNames = new Map(Object.entries(outer).map(([theirs, ours]) => [ours, prefix + theirs]));
  const innerNames = new Map(Object.entries(inner).map(([theirs, ours]) => [ours, theirs]));
  const result = new Map<string, HostTensor>();
  for (const [name, tensor] of tensors) {
    const head = /^head(_dist)?\.(weight|bias)$/.exec(name);
    const block = /^blocks\.(\d+)\.(.+)\.(weight|bias)$/.exec(name);
    if (head)
      result.set(
        `${head[1] ? "distillation_classifier" : distilled ? "cls_classifier" : "classifier"}.${head[2]}`,
        tensor,
      );
    else if (outerNames.has(name)) result.set(outerNames.get(name)!, tensor);
    else if (block?.[2] === "attn.qkv") {
      unstack(tensor).forEach((part, i) => {
        result.set(`${prefix}encoder.layer.${block[1]}.attention.attention.${thirds[i]}.${block[3]}`, part);
      });
    } else if (block && innerNames.has(block[2])) {
      result.set(`${prefix}encoder.layer.${block[1]}.${innerNames.get(block[2])}.${block[3]}`, tensor);
    }
  }
  return result;
}

function stack(parts: readonly HostTensor[], where: string): HostTensor {
  const [first] = parts;
  if (first.shape.length === 0 || parts.some((p) => p.dtype !== first.dtype || `${p.shape}` !== `${first.shape}`)) {
    throw new WeightsError(
      `The query, key and value of ${where} have the shapes ${parts.map((p) => `${p.dtype} [${p.shape}]`).join(", ")}; they must be equal, so the file is damaged or belongs to another model.`,
    );
  }
  const out = allocate(first.dtype, first.data.length * parts.length);
  parts.forEach((p, i) => {
    (out as Float32Array).set(p.data as Float32Array, i * first.data.length);
  });
  return { ...first, shape: [first.shape[0] * parts.length, ...first.shape.slice(1)], data: out };
}

function unstack({ dtype, shape, data }: HostTensor): HostTensor[] {
  if (shape.length === 0 || shape[0] % thirds.length !== 0)
    throw new WeightsError(`A qkv tensor of shape [${shape}] cannot be split in three; its first size must allow it.`);
  const n = data.length / thirds.length;
  return thirds.map((_, i) => ({
    dtype,
    shape: [shape[0] / thirds.length, ...shape.slice(1)],
    data: data.slice(i * n, (i + 1) * n),
  }));
}
