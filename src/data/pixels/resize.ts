/** Antialiased resampling of Pillow 13, bit for bit: two passes with 8-bit results and 22-bit fixed-point weights. */
import { withAlpha } from "./alpha.js";
import { type Box, type Pixels, type RgbImage, type Size, wholeBox } from "./image.js";
import { kernels } from "./kernels/kernels.js";
import { precision } from "./kernels/resample.js";

/** Pillow's resampling filters. */
export type Interpolation = (typeof interpolations)[number];
export const interpolations = ["bicubic", "bilinear", "lanczos", "nearest"] as const;

interface Filter {
  readonly support: number;
  weight(x: number): number;
}

const filters: Record<Exclude<Interpolation, "nearest">, Filter> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    weight: (x) => {
      const t = Math.abs(x);
      const a = -0.5;
      if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
      return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

interface Taps {
  /** First input position per output position. */
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** `width` weights per output position. */
  readonly weights: Int32Array;
  readonly width: number;
}

/** Weights for output positions `from` … `from + count - 1` of `outSize`, reading `[in0, in1)` of an axis of `inSize`. */
function taps(
  filter: Filter,
  inSize: number,
  in0: number,
  in1: number,
  outSize: number,
  from: number,
  count: number,
): Taps {
  // Pillow stores the box as 32-bit floats, and multiplies and divides in this order.
  const scale = Math.fround(in1 - in0) / outSize;
  const stretch = Math.max(scale, 1);
  const perStretch = 1 / stretch;
  const support = filter.support * stretch;
  const width = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(count);
  const counts = new Int32Array(count);
  const weights = new Int32Array(count * width);
  const raw = new Float64Array(width);
  for (let i = 0; i < count; i++) {
    const centre = in0 + (from + i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - support + 0.5));
    const high = Math.min(inSize, Math.trunc(centre + support + 0.5));
    let total = 0;
    for (let k = low; k < high; k++) total += raw[k - low] = filter.weight((k - centre + 0.5) * perStretch);
    for (let k = 0; k < high - low; k++) {
      const w = (total === 0 ? raw[k] : raw[k] / total) * (1 << precision);
      weights[i * width + k] = Math.trunc(w < 0 ? w - 0.5 : w + 0.5);
    }
    first[i] = low;
    counts[i] = high - low;
  }
  return { first, count: counts, weights, width };
}

/** The size to resize to, and how. */
export interface ResizeOptions extends Size {
  /** Filter that resizes the image. */
  readonly interpolation: Interpolation;
  /** Part of the image that is resized, in (fractional) pixels (default: the whole). */
  readonly box?: readonly [left: number, top: number, right: number, bottom: number];
  /** Part of the result to compute (default: the whole). Nothing else is computed. */
  readonly region?: Box;
  /** Mirrors the region left to right, or top to bottom. */
  readonly mirrored?: boolean;
  /** Whether the result is flipped vertically. */
  readonly upsideDown?: boolean;
}

/** A planned resizing. */
export interface Resizing {
  /** The pixels of the image that it reads. */
  readonly reads: Box;
  /** The result, of the size of `region`. `pixels` contain at least what it reads. */
  run(pixels: Pixels): RgbImage;
}

/**
 * Resizes `image`; the result has the size of `region`.
 *
 * @example
 * ```ts
 * import { resize } from "deit";
 *
 * const grey = { width: 2, height: 2, data: new Uint8Array(12).fill(128) };
 * const { data } = resize(grey, { width: 8, height: 8, interpolation: "bicubic" });
 * console.log(data.length, data[0]); // 192 128
 * ```
 */
export function resize(image: RgbImage, options: ResizeOptions): RgbImage {
  return planResize(image, options).run({ ...image, ...wholeBox(image) });
}

/** Plans how an image of a size is resized, before decoding. */
export function planResize(size: Size, options: ResizeOptions): Resizing {
  const { interpolation, mirrored = false, upsideDown = false } = options;
  const box = options.box ?? [0, 0, size.width, size.height];
  const region = options.region ?? wholeBox(options);
  const axis = (inSize: number, from: number, to: number, outSize: number, first: number, count: number) =>
    interpolation === "nearest"
      ? nearestTaps(inSize, from, to, outSize, first, count)
      : inSize === outSize && from === 0 && to === outSize
        ? copyTaps(first, count)
        : taps(filters[interpolation], inSize, from, to, outSize, first, count);
  const across = axis(size.width, box[0], box[2], options.width, region.left, region.width);
  const down = axis(size.height, box[1], box[3], options.height, region.top, region.height);
  const [left, right] = span(across);
  const [top, bottom] = span(down);
  const reads = { left, top, width: right - left, height: bottom - top };
  const passes = { reads, across: flip(across, mirrored), down: flip(down, upsideDown) };
  const run = (pixels: Pixels) => (columnsFirst(size, options) ? alongColumnsFirst : alongRowsFirst)(pixels, passes);
  const whole = box.join() === [0, 0, size.width, size.height].join();
  const copies = interpolation === "nearest" || (whole && sameSides(size, options));
  return { reads, run: (pixels) => (pixels.alpha ? withAlpha(pixels, run, copies ? "copied" : "mixed") : run(pixels)) };
}

const sameSides = (a: Size, b: Size): boolean => a.width === b.width && a.height === b.height;

/** Which axis is resized first, as in Pillow 13: the columns if more than twice as many rows as columns are removed. */
const columnsFirst = (from: Size, to: Size): boolean =>
  from.height > to.height && from.height - to.height > 2 * (from.width - to.width);

/** A single input per output position, for `nearest` and for copies. */
function single(count: number, at: (i: number) => number): Taps {
  const weights = new Int32Array(count).fill(1 << precision);
  return {
    first: Int32Array.from({ length: count }, (_, i) => at(i)),
    count: new Int32Array(count).fill(1),
    weights,
    width: 1,
  };
}

const copyTaps = (from: number, count: number): Taps => single(count, (i) => from + i);

function nearestTaps(inSize: number, in0: number, in1: number, outSize: number, from: number, count: number): Taps {
  const step = (in1 - in0) / outSize;
  return single(count, (i) => Math.min(inSize - 1, Math.floor(in0 + (from + i + 0.5) * step)));
}

/** The input positions that are read: from `from` to `to` - 1. */
function span({ first, count }: Taps): readonly [from: number, to: number] {
  let [from, to] = [Infinity, 0];
  for (let i = 0; i < first.length; i++) {
    from = Math.min(from, first[i]);
    to = Math.max(to, first[i] + count[i]);
  }
  return [from, to];
}

function flip(taps: Taps, reverse: boolean): Taps {
  if (!reverse) return taps;
  const { width } = taps;
  const last = taps.first.length - 1;
  const weights = new Int32Array(taps.weights.length);
  for (let i = 0; i <= last; i++)
    for (let k = 0; k < width; k++) weights[i * width + k] = taps.weights[(last - i) * width + k];
  return { first: taps.first.toReversed(), count: taps.count.toReversed(), weights, width };
}

/** The image is copied to the kernels' memory this many bytes at a time. */
const bandBytes = 1 << 20;

/** Whole vectors are written, and so slightly past the end of a row. */
const vectorBytes = 16;

type Workspace = ReturnType<typeof kernels>;

/** Copies an axis to the kernels' memory: input positions are `step` bytes apart, and position `start` is at byte 0. */
const placed = (work: Workspace, { first, count, weights, width }: Taps, start: number, step: number) =>
  [work.place(scaled(first, start, step)), work.place(scaled(count, 0, 4)), work.place(weights), width * 4] as const;

/** The distances of `values` from `start`, `step` times each. */
function scaled(values: Int32Array, start: number, step: number): Int32Array {
  const result = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) result[i] = (values[i] - start) * step;
  return result;
}

/** One axis after the other; in between, values are rounded to bytes. */
interface Passes {
  readonly reads: Box;
  readonly across: Taps;
  readonly down: Taps;
}

function alongRowsFirst(pixels: Pixels, { reads, across, down }: Passes): RgbImage {
  const work = kernels();
  const [width, height] = [across.first.length, down.first.length];
  const [rowBytes, outBytes] = [reads.width * 3, width * 3];
  const band = Math.min(reads.height, Math.max(1, Math.floor(bandBytes / rowBytes)));
  const source = work.reserve(rowBytes * band);
  const rows = work.reserve(outBytes * reads.height);
  const target = work.reserve(outBytes * height);
  const horizontal = placed(work, across, reads.left, 3);
  const vertical = placed(work, down, reads.top, outBytes);
  const memory = work.bytes();
  for (let first = 0; first < reads.height; first += band) {
    const count = Math.min(band, reads.height - first);
    for (let i = 0; i < count; i++) {
      const from = ((reads.top - pixels.top + first + i) * pixels.width + reads.left - pixels.left) * 3;
      memory.set(pixels.data.subarray(from, from + rowBytes), source + i * rowBytes);
    }
    work.run.horizontalPass(source, rowBytes, count, ...horizontal, width, rows + first * outBytes);
  }
  work.run.verticalPass(rows, outBytes, ...vertical, height, target, outBytes);
  return { width, height, data: work.result(target, outBytes * height) };
}

function alongColumnsFirst(pixels: Pixels, { reads, across, down }: Passes): RgbImage {
  const work = kernels();
  const [width, height] = [across.first.length, down.first.length];
  const bands = Math.ceil((reads.width * reads.height * 3) / bandBytes);
  const columns = Math.ceil(reads.width / bands);
  const columnBytes = columns * 3;
  const rowBytes = bands * columnBytes + vectorBytes;
  const source = work.reserve(columnBytes * reads.height);
  const rows = work.reserve(rowBytes * height);
  const target = work.reserve(width * 3 * height);
  const horizontal = placed(work, across, reads.left, 3);
  const vertical = placed(work, down, reads.top, columnBytes);
  const memory = work.bytes();
  for (let left = 0; left < reads.width; left += columns) {
    const count = Math.min(columns, reads.width - left) * 3;
    for (let y = 0; y < reads.height; y++) {
      const from = ((reads.top - pixels.top + y) * pixels.width + reads.left - pixels.left + left) * 3;
      memory.set(pixels.data.subarray(from, from + count), source + y * columnBytes);
    }
    work.run.verticalPass(source, columnBytes, ...vertical, height, rows + left * 3, rowBytes);
  }
  work.run.horizontalPass(rows, rowBytes, height, ...horizontal, width, target);
  return { width, height, data: work.result(target, width * 3 * height) };
}
