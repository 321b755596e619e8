/** RegNetY (Radosavovic et al., arXiv 2003.13678): the convolutional teacher of the paper (section 5.1), as timm has it. */
import { UsageError } from "../errors/errors.js";
import {
  add,
  batchNorm,
  batchNormTraining,
  conv2d,
  linear,
  mean,
  mul,
  relu,
  reshape,
  sigmoid,
  type Tensor,
  transpose,
} from "../tensor/index.js";
import { type ForwardContext, imagenetNormalization, type Logits, type Model, type ParameterSpec } from "./model.js";

/** Sizes of a RegNetY. */
export interface RegnetConfig {
  readonly imageSize: number;
  readonly classes: number;
  readonly depth: number;
  /** Width of the first block, and how it grows: by a slope, rounded to powers of a factor. */
  readonly initialWidth: number;
  readonly slope: number;
  readonly factor: number;
  /** Channels of a group of the 3×3 convolutions. */
  readonly groupWidth: number;
  /** Channels of the squeeze over those of the block's input. */
  readonly squeeze: number;
  /** Whether a width that rounding to whole groups makes smaller by over a tenth is rounded up, as torchvision has it. */
  readonly keepsWidth?: true;
  readonly stemWidth: number;
  /** Stride of the stem; 1 for images too small to be halved five times. */
  readonly stemStride: number;
  /** Stochastic depth of the last block; it grows linearly from 0 at the first. */
  readonly dropPath: number;
}

/** A point of the design space. */
export type RegnetDesign = Pick<RegnetConfig, "depth" | "initialWidth" | "slope" | "factor" | "groupWidth">;

const common = { imageSize: 224, classes: 1000, squeeze: 0.25, stemWidth: 32, stemStride: 2, dropPath: 0 };

interface Block {
  readonly name: string;
  readonly input: number;
  readonly output: number;
  readonly stride: number;
  readonly groups: number;
  readonly squeezed: number;
  readonly dropPath: number;
}

/** A RegNetY from the parameters of its design space. */
export function regnety(name: string, design: RegnetDesign, overrides: Partial<RegnetConfig> = {}): Model {
  const config: RegnetConfig = { ...common, ...design, ...overrides };
  const blocks = layout(name, config);
  return {
    name,
    config: { ...config },
    imageSize: config.imageSize,
    classes: config.classes,
    distilled: false,
    normalization: imagenetNormalization,
    cropRatio: 0.875,
    parameters: parameters(config, blocks),
    forward: (context, images) => forward(config, blocks, context, images),
  };
}

/** Rounds halves to even, as PyTorch and Python do. */
function round(x: number): number {
  const r = Math.round(x);
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
}

/** Widths on a line, rounded to powers of the factor and to multiples of 8; equal ones make a stage. */
function layout(name: string, c: RegnetConfig): Block[] {
  const widths = Array.from({ length: c.depth }, (_, i) => {
    const exponent = round(Math.log((c.initialWidth + c.slope * i) / c.initialWidth) / Math.log(c.factor));
    return round((c.initialWidth * c.factor ** exponent) / 8) * 8;
  });
  const stages = [...new Set(widths)].sort((a, b) => a - b);
  if (stages.length > 4)
    throw new UsageError(`${name} would have ${stages.length} stages; a RegNetY has at most four.`);
  const blocks: Block[] = [];
  let input = c.stemWidth;
  stages.forEach((stage, s) => {
    const groupWidth = Math.min(c.groupWidth, stage);
    const nearest = (c.keepsWidth ? Math.floor(stage / groupWidth + 0.5) : round(stage / groupWidth)) * groupWidth;
    const output = c.keepsWidth && nearest < 0.9 * stage ? nearest + groupWidth : nearest;
    const depth = widths.filter((w) => w === stage).length;
    for (let b = 0; b < depth; b++) {
      blocks.push({
        name: `s${s + 1}.b${b + 1}`,
        input,
        output,
        stride: b === 0 ? 2 : 1,
        groups: output / groupWidth,
        squeezed: round(input * c.squeeze),
        dropPath: c.depth > 1 ? (c.dropPath * blocks.length) / (c.depth - 1) : 0,
      });
      input = output;
    }
  });
  return blocks;
}

function parameters({ stemWidth, classes }: RegnetConfig, blocks: readonly Block[]): ParameterSpec[] {
  const list: ParameterSpec[] = [];
  const push = (spec: Omit<ParameterSpec, "kind">, kind: ParameterSpec["kind"] = "parameter") =>
    list.push({ ...spec, kind });
  const kernel = (name: string, out: number, input: number, size: number, groups = 1) => {
    const std = Math.sqrt(2 / Math.floor((size * size * out) / groups));
    push({
      name: `${name}.weight`,
      shape: [out, input / groups, size, size],
      init: { kind: "normal", std },
      decay: true,
    });
  };
  const norm = (name: string, width: number, zero = false) => {
    push({ name: `${name}.weight`, shape: [width], init: { kind: zero ? "zeros" : "ones" }, decay: false });
    push({ name: `${name}.bias`, shape: [width], init: { kind: "zeros" }, decay: false });
    push({ name: `${name}.running_mean`, shape: [width], init: { kind: "zeros" }, decay: false }, "buffer");
    push({ name: `${name}.running_var`, shape: [width], init: { kind: "ones" }, decay: false }, "buffer");
  };
  const unit = (name: string, out: number, input: number, size: number, groups = 1, zero = false) => {
    kernel(`${name}.conv`, out, input, size, groups);
    norm(`${name}.bn`, out, zero);
  };
  const bias = (name: string, width: number) => push({ name, shape: [width], init: { kind: "zeros" }, decay: false });
  unit("stem", stemWidth, 3, 3);
  for (const b of blocks) {
    unit(`${b.name}.conv1`, b.output, b.input, 1);
    unit(`${b.name}.conv2`, b.output, b.output, 3, b.groups);
    kernel(`${b.name}.se.fc1`, b.squeezed, b.output, 1);
    bias(`${b.name}.se.fc1.bias`, b.squeezed);
    kernel(`${b.name}.se.fc2`, b.output, b.squeezed, 1);
    bias(`${b.name}.se.fc2.bias`, b.output);
    // The last normalisation of a block begins at zero, so that the block begins as its shortcut.
    unit(`${b.name}.conv3`, b.output, b.output, 1, 1, true);
    if (changes(b)) unit(`${b.name}.downsample`, b.output, b.input, 1);
  }
  const width = blocks[blocks.length - 1].output;
  push({ name: "head.fc.weight", shape: [classes, width], init: { kind: "normal", std: 0.01 }, decay: true });
  bias("head.fc.bias", classes);
  return list;
}

/** Whether a block changes width or resolution, and so needs a convolution in its shortcut. */
const changes = ({ input, output, stride }: Block): boolean => input !== output || stride !== 1;

function forward(
  { stemStride }: RegnetConfig,
  blocks: readonly Block[],
  context: ForwardContext,
  images: Tensor,
): Logits {
  const p = (name: string) => context.parameter(name);
  const norm = (name: string, x: Tensor): Tensor => {
    const values = {
      weight: p(`${name}.weight`),
      bias: p(`${name}.bias`),
      runningMean: p(`${name}.running_mean`),
      runningVar: p(`${name}.running_var`),
    };
    if (!context.training) return batchNorm(x, values);
    const { output, runningMean, runningVar } = batchNormTraining(x, values);
    context.updateBuffer(`${name}.running_mean`, runningMean);
    context.updateBuffer(`${name}.running_var`, runningVar);
    return output;
  };
  const unit = (name: string, x: Tensor, options: { stride?: number; padding?: number; groups?: number } = {}) =>
    norm(`${name}.bn`, conv2d(x, p(`${name}.conv.weight`), options));
  /** 1×1 convolutions of a single pixel are affine maps. */
  const affine = (name: string, x: Tensor) => {
    const weight = p(`${name}.weight`);
    return linear(x, reshape(weight, [weight.shape[0], weight.shape[1]]), p(`${name}.bias`));
  };
  const excite = (name: string, x: Tensor): Tensor => {
    const gate = sigmoid(affine(`${name}.fc2`, relu(affine(`${name}.fc1`, mean(x, [2, 3])))));
    return mul(x, reshape(gate, [x.shape[0], x.shape[1], 1, 1]));
  };

  let x = relu(unit("stem", transpose(images, [0, 3, 1, 2]), { stride: stemStride, padding: 1 }));
  for (const block of blocks) {
    const { name, stride, groups } = block;
    const wide = relu(unit(`${name}.conv1`, x));
    const mixed = relu(unit(`${name}.conv2`, wide, { stride, padding: 1, groups }));
    const branch = unit(`${name}.conv3`, excite(`${name}.se`, mixed));
    const shortcut = changes(block) ? unit(`${name}.downsample`, x, { stride }) : x;
    x = relu(add(context.dropPath(branch, block.dropPath), shortcut));
  }
  const features = mean(x, [2, 3]);
  context.observe?.("head.fc.input", () => features);
  return { logits: linear(features, p("head.fc.weight"), p("head.fc.bias")) };
}
