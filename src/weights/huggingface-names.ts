/** Parameter names of Hugging Face transformers' DeiT and ViT classifiers, to timm's and back. */
import { WeightsError } from "../errors.js";
import { allocate, type HostTensor, type NamedTensors } from "../tensor/index.js";

/** Names outside the blocks, without the model's prefix ("deit." or "vit."). */
const outer: Readonly<Record<string, string>> = {
  "embeddings.cls_token": "cls_token",
  "embeddings.distillation_token": "dist_token",
  "embeddings.position_embeddings": "pos_embed",
  "embeddings.patch_embeddings.projection.weight": "patch_embed.proj.weight",
  "embeddings.patch_embeddings.projection.bias": "patch_embed.proj.bias",
  "layernorm.weight": "norm.weight",
  "layernorm.bias": "norm.bias",
};

/** Parts of a block; query, key and value are one tensor in timm. */
const inner: Readonly<Record<string, string>> = {
  layernorm_before: "norm1",
  "attention.output.dense": "attn.proj",
  layernorm_after: "norm2",
  "intermediate.dense": "mlp.fc1",
  "output.dense": "mlp.fc2",
};

const thirds = ["query", "key", "value"] as const;

/** Whether these are names of transformers' rather than timm's. */
export function isHuggingface(names: Iterable<string>): boolean {
  return [...names].some((n) => /^(deit|vit)\.embeddings\./.test(n));
}

/**
 * The tensors by timm's names; names that are not part of a classifier are dropped. Throws WeightsError when a query,
 * key and value do not go together.
 */
export function fromHuggingface(tensors: NamedTensors): NamedTensors {
  const distilled = [...tensors.keys()].some((n) => n.endsWith("distillation_token"));
  const result = new Map<string, HostTensor>();
  for (const [name, tensor] of tensors) {
    const ours = timmName(name, distilled);
    if (ours) result.set(ours, tensor);
    const query = /^(.*encoder\.layer\.(\d+)\.attention\.attention\.)query\.(weight|bias)$/.exec(name);
    if (!query) continue;
    const parts = thirds.map((t) => tensors.get(`${query[1]}${t}.${query[3]}`));
    if (parts.every((p) => p !== undefined))
      result.set(`blocks.${query[2]}.attn.qkv.${query[3]}`, stack(parts, `block ${query[2]}`));
  }
  return result;
}

function timmName(name: string, distilled: boolean): string | undefined {
  const head = /^(cls_classifier|classifier|distillation_classifier)\.(weight|bias)$/.exec(name);
  if (head) return `${head[1] === "distillation_classifier" && distilled ? "head_dist" : "head"}.${head[2]}`;
  const bare = name.replace(/^(deit|vit)\./, "");
  if (Object.hasOwn(outer, bare)) return outer[bare];
  const block = /^encoder\.layer\.(\d+)\.(.+)\.(weight|bias)$/.exec(bare);
  return block && Object.hasOwn(inner, block[2]) ? `blocks.${block[1]}.${inner[block[2]]}.${block[3]}` : undefined;
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
      `The query, key and value of ${where} have the shapes ${parts.map((p) => `${p.dtype} [${p.shape}]`).join(", ")}; they must be the same, so the file is damaged or of another model.`,
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
