/** Converts parameter names of Hugging Face transformers' RegNet (Y) to timm's. The arithmetic of both is the same. */
import type { HostTensor, NamedTensors } from "../tensor/index.js";

/** Whether these are names of transformers' RegNet rather than timm's. */
export function isHuggingfaceRegnet(names: Iterable<string>): boolean {
  return [...names].some((name) => /^(regnet\.)?embedder\.embedder\./.test(name));
}

/** The tensors by timm's names; others keep theirs. */
export function fromHuggingfaceRegnet(tensors: NamedTensors): NamedTensors {
  return new Map([...tensors].map(([name, tensor]): [string, HostTensor] => [timmName(name), tensor]));
}

/** Parts of a convolution with its normalisation. */
const unit: Readonly<Record<string, string>> = { convolution: "conv", normalization: "bn" };

/** Parts of a block of RegNetY: the third is squeeze and excitation. */
const inBlock: Readonly<Record<string, string>> = {
  shortcut: "downsample",
  "layer.0": "conv1",
  "layer.1": "conv2",
  "layer.3": "conv3",
};

const squeeze: Readonly<Record<string, string>> = {
  "layer.2.attention.0": "se.fc1",
  "layer.2.attention.2": "se.fc2",
};

function timmName(name: string): string {
  const [, part, kind] = /^(?:regnet\.)?(.+)\.(\w+)$/.exec(name) ?? [];
  if (part === undefined) return name;
  // The first part of the head only flattens its input.
  if (part === "classifier.1") return `head.fc.${kind}`;
  const [, stem] = /^embedder\.embedder\.(\w+)$/.exec(part) ?? [];
  if (stem !== undefined && Object.hasOwn(unit, stem)) return `stem.${unit[stem]}.${kind}`;
  const [, stage, block, inside] = /^encoder\.stages\.(\d+)\.layers\.(\d+)\.(.+)$/.exec(part) ?? [];
  if (stage === undefined) return name;
  const at = `s${Number(stage) + 1}.b${Number(block) + 1}`;
  if (Object.hasOwn(squeeze, inside)) return `${at}.${squeeze[inside]}.${kind}`;
  const [, layer, of] = /^(.+)\.(\w+)$/.exec(inside) ?? [];
  if (layer === undefined || !Object.hasOwn(unit, of)) return name;
  // In a RegNetX, which has no squeeze, the third part is the last convolution.
  const ours = layer === "layer.2" ? "conv3" : Object.hasOwn(inBlock, layer) ? inBlock[layer] : undefined;
  return ours === undefined ? name : `${at}.${ours}.${unit[of]}.${kind}`;
}

/** timm's tensors by transformers' names. */
export function toHuggingfaceRegnet(tensors: NamedTensors): NamedTensors {
  const turned = (names: Readonly<Record<string, string>>) =>
    new Map(Object.entries(names).map(([theirs, ours]) => [ours, theirs]));
  const [units, blocks, squeezes] = [unit, inBlock, squeeze].map(turned);
  const theirName = (name: string): string => {
    const [, head] = /^head\.fc\.(\w+)$/.exec(name) ?? [];
    if (head !== undefined) return `classifier.1.${head}`;
    const [, stem, ofStem] = /^stem\.(\w+)\.(\w+)$/.exec(name) ?? [];
    if (stem !== undefined) return `regnet.embedder.embedder.${units.get(stem)}.${ofStem}`;
    const [, stage, block, inside, kind] = /^s(\d+)\.b(\d+)\.(.+)\.(\w+)$/.exec(name) ?? [];
    const at = `regnet.encoder.stages.${Number(stage) - 1}.layers.${Number(block) - 1}`;
    const excited = squeezes.get(inside);
    if (excited !== undefined) return `${at}.${excited}.${kind}`;
    const [layer, of] = inside.split(".");
    return `${at}.${blocks.get(layer)}.${units.get(of)}.${kind}`;
  };
  return new Map([...tensors].map(([name, tensor]) => [theirName(name), tensor]));
}
