/** Converts parameter names of torchvision's RegNetY and ViT to timm's. The arithmetic of both is the same. */
import type { HostTensor, NamedTensors } from "../tensor/index.js";

/** Whether these are torchvision's names rather than timm's. */
export function isTorchvision(names: Iterable<string>): boolean {
  return [...names].some((name) => name.startsWith("trunk_output.") || name === "conv_proj.weight");
}

/** The tensors by timm's names; others keep theirs. */
export function fromTorchvision(tensors: NamedTensors): NamedTensors {
  return new Map([...tensors].map(([name, tensor]): [string, HostTensor] => [timmName(name), tensor]));
}

/** Names before `.weight`, `.bias` and so on, outside the blocks; the last two are heads. */
const outer: Readonly<Record<string, string>> = {
  "stem.0": "stem.conv",
  "stem.1": "stem.bn",
  conv_proj: "patch_embed.proj",
  "encoder.ln": "norm",
  fc: "head.fc",
  "heads.head": "head",
  "heads.pre_logits": "pre_logits.fc",
};

const inRegnet: Readonly<Record<string, string>> = {
  "proj.0": "downsample.conv",
  "proj.1": "downsample.bn",
  "f.a.0": "conv1.conv",
  "f.a.1": "conv1.bn",
  "f.b.0": "conv2.conv",
  "f.b.1": "conv2.bn",
  "f.se.fc1": "se.fc1",
  "f.se.fc2": "se.fc2",
  "f.c.0": "conv3.conv",
  "f.c.1": "conv3.bn",
};

const inVit: Readonly<Record<string, string>> = {
  ln_1: "norm1",
  "self_attention.out_proj": "attn.proj",
  ln_2: "norm2",
  "mlp.0": "mlp.fc1",
  "mlp.3": "mlp.fc2",
  // Before torchvision 0.12.
  "mlp.linear_1": "mlp.fc1",
  "mlp.linear_2": "mlp.fc2",
};

function timmName(name: string): string {
  if (name === "class_token") return "cls_token";
  if (name === "encoder.pos_embedding") return "pos_embed";
  const [, part, kind] = /^(.+)\.(\w+)$/.exec(name) ?? [];
  if (part === undefined) return name;
  if (Object.hasOwn(outer, part)) return `${outer[part]}.${kind}`;
  const [, stage, block, inside] = /^trunk_output\.block(\d)\.block\d-(\d+)\.(.+)$/.exec(part) ?? [];
  if (stage !== undefined && Object.hasOwn(inRegnet, inside))
    return `s${stage}.b${Number(block) + 1}.${inRegnet[inside]}.${kind}`;
  const [, layer, within] = /^encoder\.layers\.encoder_layer_(\d+)\.(.+)$/.exec(part) ?? [];
  if (layer === undefined) return name;
  // Query, key and value are one tensor in both, in this order.
  if (within === "self_attention") return `blocks.${layer}.attn.qkv.${kind.replace("in_proj_", "")}`;
  return Object.hasOwn(inVit, within) ? `blocks.${layer}.${inVit[within]}.${kind}` : name;
}
