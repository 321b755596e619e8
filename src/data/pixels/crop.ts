/** Random crops for training, drawn as in torchvision and the original code. */
import { type ImageSize, sidesOf } from "../../geometry/image-size.js";
import type { RandomStream } from "../../random/stream.js";
import { bordered, type Fit, fitted, flippedBox, type Placed } from "./fit.js";
import { halfEven } from "./half-even.js";
import { type Box, type Pixels, type RgbImage, type Shrink, type Size, wholeBox, within } from "./image.js";
import { type Interpolation, planResize } from "./resize.js";

/**
 * `resized`: a random part of the image; `padded`: a random shift by up to 4 pixels, for images of 32 or fewer;
 * `simple`: the shorter side to the size, then a random part of the image reflected by 4 pixels (DeiT III).
 */
export type CropKind = "resized" | "padded" | "simple";

/** Size of the view, and which part of the image it may show. */
export interface CropOptions extends Fit {
  /** Size of what is cut out, after resizing, in pixels. */
  readonly size: ImageSize;
  /** Range of the part's relative area. */
  readonly scale: readonly [number, number];
  /**
   * Range of its aspect ratio, width over height, whatever the shape of the view, as in torchvision; in the crop modes
   * `squash`, `border` and `native`, relative to the view's.
   */
  readonly ratio: readonly [number, number];
}

/** Flips of a view; drawn after its crop. */
export interface Flips {
  readonly mirrored: boolean;
  readonly upsideDown: boolean;
}

/** A crop that has been drawn before decoding. */
export interface CropPlan {
  /** It is taken from the image at 1/`shrink` of its size … */
  readonly shrink: Shrink;
  /** … and reads these pixels of it. */
  readonly reads: Box;
  /** The view; `pixels` contain at least what it reads. */
  render(pixels: Pixels, interpolation: Interpolation, flips: Flips): RgbImage;
}

type Crop = (image: Size & { readonly shrinks?: boolean }, options: CropOptions, stream: RandomStream) => CropPlan;

/** Each kind of crop. */
export const crops: Readonly<Record<CropKind, Crop>> = {
  resized: (image, options, stream) => {
    const { borderColor } = options;
    const view = sidesOf(options.size);
    const { part, target } = drawnPart(image, options, stream);
    const { width, height } = target;
    const shrink = image.shrinks ? (([8, 4, 2] as const).find((s) => enough(part, target, s)) ?? 1) : 1;
    const box = shrink === 1 ? part : shrunkBox(image, part, shrink);
    return {
      shrink,
      reads: box,
      // The box as a separate image: resampling must not read beyond its border.
      render: (pixels, interpolation, flips) => {
        const shown = planResize(box, { width, height, interpolation, ...flips }).run(within(pixels, box));
        return bordered(shown, flippedBox(target, view, flips.mirrored, flips.upsideDown), view, borderColor);
      },
    };
  },
  padded: (image, options, stream) => {
    const view = sidesOf(options.size);
    const { cropMode = "center" } = options;
    // `center` resizes to the view itself, as the sets of small images that this crop is for have its shape.
    const to = cropMode === "center" ? view : resizedTo(image, view, options);
    return shiftedCrop(image, to, options, "black", stream);
  },
  simple: (image, options, stream) =>
    shiftedCrop(image, resizedTo(image, sidesOf(options.size), options), options, "reflect", stream),
};

/** Whether a part of the image at 1/`shrink` of its size has all pixels that the view shows of it. */
const enough = (part: Size, target: Size, shrink: number) =>
  part.width >= target.width * shrink && part.height >= target.height * shrink;

/** The random part of the image, or of the shape of the view into which the image is squashed or fitted. */
function drawnPart(image: Size, options: CropOptions, stream: RandomStream): Placed {
  const { cropMode = "center" } = options;
  const view = sidesOf(options.size);
  const whole = wholeBox(view);
  if (cropMode === "center") return { part: randomBox(image, options, stream), target: whole };
  if (cropMode === "native") {
    const shape = view.width / view.height;
    const ratio = [options.ratio[0] * shape, options.ratio[1] * shape] as const;
    return { part: randomBox(image, { ...options, ratio }, stream), target: whole };
  }
  // The least shape of the view around the image, and a square that stands for it, so that ratios are relative.
  const ratio = Math.max(image.width / view.width, image.height / view.height);
  const around = {
    width: Math.max(image.width, Math.round(view.width * ratio)),
    height: Math.max(image.height, Math.round(view.height * ratio)),
  };
  const side = Math.max(around.width, around.height);
  const drawn = randomBox({ width: side, height: side }, options, stream);
  if (cropMode === "squash") return { part: unsquashed(image, drawn, side), target: whole };
  const share = (length: number, whole: number) => Math.max(1, Math.round((length * whole) / side));
  const [across, down] = [
    besideBorder(image.width, share(drawn.width, around.width), around.width, view.width, stream),
    besideBorder(image.height, share(drawn.height, around.height), around.height, view.height, stream),
  ];
  return {
    part: { left: across.from, top: down.from, width: across.length, height: down.length },
    target: { left: across.to, top: down.to, width: across.shown, height: down.shown },
  };
}

/** The part of an image that is `box` of the square of `side` that stands for it. */
function unsquashed(image: Size, box: Box, side: number): Box {
  const along = (start: number, length: number, whole: number) => {
    const size = Math.max(1, Math.round((length * whole) / side));
    return [Math.min(whole - size, Math.round((start * whole) / side)), size] as const;
  };
  const [left, width] = along(box.left, box.width, image.width);
  const [top, height] = along(box.top, box.height, image.height);
  return { left, top, width, height };
}

/**
 * Along an axis, the position of a box of `length` on a shape of `side` pixels in whose middle lie the `image`'s, such that
 * the view of `size` pixels has no more border than it must: the image's pixels in it, and where the view shows them.
 */
function besideBorder(image: number, length: number, side: number, size: number, stream: RandomStream) {
  if (length <= image) return { from: stream.integer(image - length + 1), length, to: 0, shown: size };
  const border = (side - image) >> 1;
  const first = Math.max(0, border + image - length);
  const start = first + stream.integer(Math.min(border, side - length) - first + 1);
  const shown = Math.min(size, Math.max(1, Math.round((image * size) / length)));
  const to = Math.min(size - shown, Math.round(((border - start) * size) / length));
  return { from: 0, length: image, to, shown };
}

/** A box of an image, on the image at a fraction of its size. */
function shrunkBox(image: Size, box: Box, shrink: Shrink): Box {
  const along = (start: number, length: number, whole: number) => {
    const all = Math.ceil(whole / shrink);
    const size = Math.min(all, Math.round(length / shrink));
    return [Math.min(Math.round(start / shrink), all - size), size] as const;
  };
  const [left, width] = along(box.left, box.width, image.width);
  const [top, height] = along(box.top, box.height, image.height);
  return { left, top, width, height };
}

/** The box of a random resized crop, as torchvision draws it: ten tries, then the largest centre box of legal ratio. */
export function randomBox(
  { width, height }: Size,
  { scale, ratio }: Pick<CropOptions, "scale" | "ratio">,
  stream: RandomStream,
): Box {
  const logRatio = ratio.map(Math.log);
  for (let i = 0; i < 10; i++) {
    const area = width * height * stream.uniform(scale[0], scale[1]);
    const aspect = Math.exp(stream.uniform(logRatio[0], logRatio[1]));
    const w = halfEven(Math.sqrt(area * aspect));
    const h = halfEven(Math.sqrt(area / aspect));
    if (w > 0 && h > 0 && w <= width && h <= height)
      return {
        left: stream.integer(width - w + 1),
        top: stream.integer(height - h + 1),
        width: w,
        height: h,
      };
  }
  const current = width / height;
  const w = current > ratio[1] ? halfEven(height * ratio[1]) : width;
  const h = current < ratio[0] ? halfEven(width / ratio[0]) : height;
  return { left: (width - w) >> 1, top: (height - h) >> 1, width: w, height: h };
}

const padding = 4;

/** A random part of the image resized to `to`, with a border if that is smaller, and padded by 4 pixels on each side. */
function shiftedCrop(
  image: Size,
  to: Size,
  { size, borderColor }: Pick<CropOptions, "size" | "borderColor">,
  beyond: "black" | "reflect",
  stream: RandomStream,
): CropPlan {
  const view = sidesOf(size);
  const width = Math.max(view.width, to.width);
  const height = Math.max(view.height, to.height);
  const target = { left: (width - to.width) >> 1, top: (height - to.height) >> 1, ...to };
  const left = stream.integer(width - view.width + 2 * padding + 1) - padding;
  const top = stream.integer(height - view.height + 2 * padding + 1) - padding;
  return {
    shrink: 1,
    reads: wholeBox(image),
    render(pixels, interpolation, { mirrored, upsideDown }) {
      const resized = planResize(image, { ...to, interpolation }).run(pixels);
      const { data, alpha } = bordered(resized, target, { width, height }, borderColor);
      const places = (start: number, count: number, length: number, reverse: boolean) =>
        Int32Array.from({ length: count }, (_, i) => inside(start + (reverse ? count - 1 - i : i), length, beyond));
      const columns = places(left, view.width, width, mirrored);
      const rows = places(top, view.height, height, upsideDown);
      const out = new Uint8Array(view.width * view.height * 3);
      // What is padded is black and transparent, as in torchvision.
      const opacity = alpha && new Uint8Array(view.width * view.height);
      for (let y = 0; y < view.height; y++) {
        if (rows[y] < 0) continue;
        for (let x = 0; x < view.width; x++) {
          if (columns[x] < 0) continue;
          const [pixel, place] = [rows[y] * width + columns[x], y * view.width + x];
          const [from, at] = [3 * pixel, 3 * place];
          if (opacity) opacity[place] = alpha[pixel];
          out[at] = data[from];
          out[at + 1] = data[from + 1];
          out[at + 2] = data[from + 2];
        }
      }
      return { ...view, data: out, ...(opacity ? { alpha: opacity } : {}) };
    },
  };
}

/** The pixel at `i` on an axis of `length`; -1 for black. A reflection does not repeat the edge. */
function inside(i: number, length: number, beyond: "black" | "reflect"): number {
  if (i >= 0 && i < length) return i;
  if (beyond === "black") return -1;
  const period = Math.max(1, 2 * (length - 1));
  const at = ((i % period) + period) % period;
  return at < length ? at : period - at;
}

/** The size of the image such that it just covers `view`: of a square as torchvision rounds, otherwise as timm does. */
function covering(image: Size, view: Size): Size {
  if (view.width === view.height) return shorterSide(image, view.width);
  const ratio = Math.min(image.width / view.width, image.height / view.height);
  return { width: halfEven(image.width / ratio), height: halfEven(image.height / ratio) };
}

/** The size to which the whole image is resized before a view of size `scaled` is cut out of it, or bordered. */
export function resizedTo(image: Size, scaled: Size, { cropMode = "center" }: Fit): Size {
  switch (cropMode) {
    case "center":
    case "native":
      return covering(image, scaled);
    case "squash":
      return scaled;
    case "border":
      return fitted(image, scaled);
  }
}

/** The image's size with its shorter side scaled to `short`, rounded like torchvision. */
export function shorterSide({ width, height }: Size, short: number): Size {
  return width <= height
    ? { width: short, height: Math.trunc((short * height) / width) }
    : { width: Math.trunc((short * width) / height), height: short };
}
