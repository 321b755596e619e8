/** The inputs and outputs of an ONNX file: the layout of images, and which output contains the classes. */

import type { FileValue } from "../../engines/onnx/messages.js";
import { UsageError } from "../../errors/errors.js";
import { sentence, way } from "../../errors/sentence.js";
import { type Channels, isChannels } from "../../geometry/channels.js";
import { type ImageSize, imageSizeOf, pixelCount, sizeInWords } from "../../geometry/image-size.js";
import type { OnnxNames } from "./names.js";

/** The layout of a classifier's input. */
export interface Layout {
  /** Name of the input. */
  readonly input: string;
  readonly dtype: "float32" | "float16" | "uint8";
  readonly channelsFirst: boolean;
  /** Channels of the images; three if dynamic. */
  readonly channels: Channels;
  /** Size of the images in pixels; undefined if dynamic. */
  readonly size?: ImageSize;
  /** Images per run; undefined if dynamic. */
  readonly batch?: number;
}

/** Reads it from the inputs. Throws UsageError unless there is one input of images. */
export function layoutOf(inputs: readonly FileValue[], path: string, { called }: OnnxNames): Layout {
  const whose = called === "teacher" ? " that can teach" : "";
  const [input] = inputs;
  const words = inputs.map((v) => `"${v.name}" ${v.type ?? "of another kind"} [${v.shape.join(", ")}]`).join(", ");
  const refuse = (why: string): never => {
    throw new UsageError(
      `"${path}" is not an image classifier${whose}: ${why} (its inputs: ${words}); it needs one input of images [batch, 3, height, width] or [batch, height, width, 3], or with 1 or 4 for the 3.`,
    );
  };
  if (inputs.length !== 1) refuse(`it takes ${inputs.length} inputs`);
  const { type: dtype, shape } = input;
  if (dtype !== "float32" && dtype !== "float16" && dtype !== "uint8")
    return refuse("its pixels are neither float32, float16 nor uint8");
  if (shape.length !== 4) refuse(`its input has ${shape.length} axes`);
  const fixed = (d: number | string) => (typeof d === "number" && d > 0 ? d : undefined);
  const [batch, a, b, c] = shape.map(fixed);
  // If neither axis holds channels, they come first, as PyTorch exports them; images of 1 or 4 pixels are less likely.
  const [first, last] = a === 3 || c === 3 ? [a === 3, c === 3] : [isChannels(a), isChannels(c)];
  const channelsFirst = first || (!last && a === undefined);
  if (!channelsFirst && !last) refuse("no axis holds three channels, one or four");
  if (first && last) refuse("its second and its last axis may both be the channels");
  const held = channelsFirst ? a : c;
  const [height, width] = channelsFirst ? [b, c] : [a, b];
  const [rows, columns] = [height ?? width, width ?? height];
  const size = rows === undefined || columns === undefined ? undefined : imageSizeOf(rows, columns);
  return { input: input.name, dtype, channelsFirst, channels: isChannels(held) ? held : 3, size, batch };
}

/** Maximum numbers in a run's input: 2 GiB as float32. */
const mostNumbers = 2 ** 29;

/** Throws if a file claims a larger run than any real classifier has. */
export function requireBounded(images: number, size: ImageSize, path: string, { called }: OnnxNames): void {
  if (images * pixelCount(size) * 3 <= mostNumbers) return;
  throw new UsageError(
    `The ${called} in "${path}" takes ${images === 1 ? "an image" : `${images} images at a time`} of ${sizeInWords(size)} pixels, which is more than 2 GiB; export it for fewer, or smaller, images.`,
  );
}

/** What is known of the output to use. */
export interface OutputChoice {
  readonly path: string;
  /** Its name, if given by the caller. */
  readonly output?: string;
  /** Expected number of classes. */
  readonly classes?: number;
}

/**
 * The output with a row per image; among several, the one named by the caller, the one called logits, or the one with
 * as many numbers as there are classes. Throws UsageError if several remain.
 */
export function outputOf(
  outputs: readonly FileValue[],
  { path, output: asked, classes }: OutputChoice,
  { setting }: OnnxNames,
): { readonly name: string; readonly classes?: number } {
  const rows = outputs.filter((v) => v.shape.length === 2 && (v.type === "float32" || v.type === "float16"));
  const width = ({ shape: [, d] }: FileValue) => (typeof d === "number" && d > 0 ? d : undefined);
  const words = outputs.map((v) => `"${v.name}" [${v.shape.join(", ")}]`).join(", ");
  const named = asked ?? "logits";
  const fitting = rows.filter((v) => width(v) === classes);
  const candidates = [rows.filter((v) => v.name === named), ...(asked ? [] : [fitting, rows])];
  const [found, ...others] = candidates.find((list) => list.length > 0) ?? [];
  if (found && others.length === 0) return { name: found.name, classes: width(found) };
  if (found)
    throw new UsageError(
      sentence`"${path}" has several outputs that may be its classes (${words}), and none is called logits${way`; name the one that counts by ${setting("output")}`}.`,
    );
  throw new UsageError(
    `"${path}" is not a classifier: none of its outputs (${words}) is ${asked ? `"${asked}" and ` : ""}[batch, classes].`,
  );
}
