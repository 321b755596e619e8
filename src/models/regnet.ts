/** RegNetY (Radosavovic et al., arXiv 2003.13678): the convolutional teacher of the paper (section 5.1), as in timm. */

import { UsageError } from "../errors/errors.js";
import { statedChannels } from "../geometry/channels.js";
import { plainSize } from "../geometry/image-size.js";
import { add, linear, mean, mul, relu, reshape, sigmoid, type Tensor, transpose } from "../tensor/index.js";
import { modelOf } from "./declared.js";
import { channelsOf, normalizationFor, requireImageSize } from "./image-batch.js";
import { kernel, layersOf } from "./layers.js";
import { type CommonOptions, type ForwardContext, imagenetNormalization, type Logits, type Model } from "./model.js";

/** Sizes of a RegNetY. */
export interface RegnetConfig extends CommonOptions {
  /** Width of the first block, and how it grows: by a slope, rounded to powers of a factor. */
  readonly initialWidth: number;
  /** Growth of the block widths per block, before they are rounded (w_a of the paper). */
  readonly slope: number;
  /** Ratio of the widths of successive stages (w_m of the paper). */
  readonly factor: number;
  /** Channels per group of the 3×3 convolutions. */
  readonly groupWidth: number;
  /** Ratio of the squeeze's channels to those of the block's input. */
  readonly squeeze: number;
  /**
   * Whether a width that would shrink by over a tenth when rounded to whole groups is rounded up, as in torchvision.
   */
  readonly keepsWidth?: true;
  /** Channels of the first convolution. */
  readonly stemWidth: number;
  /** Stride of the stem; 1 for images too small to be halved five times. */
  readonly stemStride: number;
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
  /** Whether it ends a stage. */
  readonly last: boolean;
}

/** A RegNetY from the parameters of its design space. */
export function regnety(name: string, design: RegnetDesign, overrides: Partial<RegnetConfig> = {}): Model {
  const { imageSize = common.imageSize, channels: asked, ...sizes } = { ...design, ...overrides };
  requireImageSize(name, imageSize);
  const channels = channelsOf(name, asked);
  const config: RegnetConfig = {
    ...{ ...common, ...sizes, imageSize: plainSize(imageSize) },
    ...statedChannels(channels),
  };
  const blocks = layout(name, config);
  return modelOf({
    name,
    config: { ...config },
    imageSize: config.imageSize,
    channels,
    classes: config.classes,
    distilled: false,
    normalization: normalizationFor(imagenetNormalization, channels),
    cropRatio: 0.875,
    sizeMultiple: 16 * config.stemStride,
    forward: (context, images) => forward(config, blocks, context, images),
  });
}

/** Rounds halves to even, like PyTorch and Python. */
function round(x: number): number {
  const r = Math.round(x);
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
}

/** Widths on a line, rounded to powers of the factor and to multiples of 8; equal ones form a stage. */
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
        last: b === depth - 1,
      });
      input = output;
    }
  });
  return blocks;
}

/** Whether a block changes width or resolution, and so needs a convolution in its shortcut. */
const changes = ({ input, output, stride }: Block): boolean => input !== output || stride !== 1;

/** A convolution and its normalisation. */
interface Unit {
  readonly width: number;
  readonly size?: number;
  readonly stride?: number;
  readonly groups?: number;
  /** Initial scale of the normalisation (default: 1). */
  readonly first?: 0 | 1;
}

/** Images `[batch, height, width, channels]` to logits `[batch, classes]`. */
function forward(
  { stemStride, stemWidth, classes }: RegnetConfig,
  blocks: readonly Block[],
  context: ForwardContext,
  images: Tensor,
): Logits {
  const nn = layersOf(context);
  const unit = (name: string, x: Tensor, layer: Unit) =>
    nn.batchNorm(`${name}.bn`, nn.conv2d(`${name}.conv`, x, layer), layer.first);
  /** 1×1 convolutions of a single pixel are affine maps. */
  const affine = (name: string, x: Tensor, width: number) => {
    const input = x.shape[1];
    const weight = reshape(kernel(nn, name, { width, input }), [width, input]);
    return linear(x, weight, nn.parameter(`${name}.bias`, { shape: [width], init: { kind: "zeros" } }));
  };
  const excite = (name: string, x: Tensor, squeezed: number): Tensor => {
    const [batch, width] = x.shape;
    const gate = sigmoid(affine(`${name}.fc2`, relu(affine(`${name}.fc1`, mean(x, [2, 3]), squeezed)), width));
    return mul(x, reshape(gate, [batch, width, 1, 1]));
  };

  const show = (name: string, map: Tensor) => nn.observe?.(name, () => map);

  const blockOf = (block: Block, x: Tensor): Tensor => {
    const { name, output: width, stride, groups, squeezed } = block;
    const wide = relu(unit(`${name}.conv1`, x, { width }));
    const mixed = relu(unit(`${name}.conv2`, wide, { width, size: 3, stride, groups }));
    // The last normalisation of a block starts at zero, so that the block starts as its shortcut.
    const branch = unit(`${name}.conv3`, excite(`${name}.se`, mixed, squeezed), { width, first: 0 });
    const shortcut = changes(block) ? unit(`${name}.downsample`, x, { width, stride }) : x;
    return relu(add(context.dropPath(branch, block.dropPath), shortcut));
  };

  let x = relu(unit("stem", transpose(images, [0, 3, 1, 2]), { width: stemWidth, size: 3, stride: stemStride }));
  show("stem", x);
  for (const block of blocks) {
    const part = (map: Tensor) => blockOf(block, map);
    x = nn.recompute ? nn.recompute(block.name, x, part) : part(x);
    if (block.last) show(block.name.split(".")[0], x);
  }
  return { logits: nn.head("head.fc", mean(x, [2, 3]), classes, { kind: "normal", std: 0.01 }) };
}
