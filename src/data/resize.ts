/** Pillow's antialiased resampling, bit for bit: two passes with 8-bit results and 22-bit fixed-point weights. */
import type { RgbImage } from "./image.js";

export type Interpolation = "nearest" | "bilinear" | "bicubic" | "lanczos";

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

const precision = 22;
const half = 1 << (precision - 1);

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
  const scale = (in1 - in0) / outSize;
  const stretch = Math.max(scale, 1);
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
    for (let k = low; k < high; k++) total += raw[k - low] = filter.weight((k - centre + 0.5) / stretch);
    for (let k = 0; k < high - low; k++) {
      const w = (total === 0 ? raw[k] : raw[k] * (1 / total)) * (1 << precision);
      weights[i * width + k] = Math.trunc(w < 0 ? w - 0.5 : w + 0.5);
    }
    first[i] = low;
    counts[i] = high - low;
  }
  return { first, count: counts, weights, width };
}

export interface ResizeOptions {
  /** Size of the whole result. */
  readonly width: number;
  readonly height: number;
  readonly interpolation: Interpolation;
  /** Part of the image that is resized, in (fractional) pixels; the whole unless told. */
  readonly box?: readonly [left: number, top: number, right: number, bottom: number];
  /** Part of the result that is wanted; the whole unless told. Nothing else is computed. */
  readonly region?: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
}

/** Resizes `image`; the result has the size of `region`. */
export function resize(image: RgbImage, options: ResizeOptions): RgbImage {
  const { width, height, interpolation, box = [0, 0, image.width, image.height] } = options;
  const region = options.region ?? { left: 0, top: 0, width, height };
  if (interpolation === "nearest") return nearest(image, width, height, box, region);
  const filter = filters[interpolation];
  const across = width !== image.width || box[0] !== 0 || box[2] !== width;
  const down = height !== image.height || box[1] !== 0 || box[3] !== height;
  const vertical = taps(filter, image.height, box[1], box[3], height, region.top, region.height);
  const top = down ? vertical.first[0] : region.top;
  const last = region.height - 1;
  const bottom = down ? vertical.first[last] + vertical.count[last] : region.top + region.height;
  const rows = across
    ? horizontalPass(image, taps(filter, image.width, box[0], box[2], width, region.left, region.width), top, bottom)
    : copyColumns(image, region.left, region.width, top, bottom);
  const data = down ? verticalPass(rows, region.width * 3, vertical, top) : rows;
  return { width: region.width, height: region.height, data };
}

function horizontalPass(
  image: RgbImage,
  { first, count, weights, width }: Taps,
  top: number,
  bottom: number,
): Uint8Array {
  const columns = first.length;
  const source = image.data;
  const stride = image.width * 3;
  // Clamping on assignment saves the comparisons.
  const out = new Uint8ClampedArray((bottom - top) * columns * 3);
  let at = 0;
  for (let y = top; y < bottom; y++) {
    const row = y * stride;
    for (let x = 0; x < columns; x++) {
      let r = half;
      let g = half;
      let b = half;
      let p = row + first[x] * 3;
      const end = x * width + count[x];
      for (let k = x * width; k < end; k++) {
        const w = weights[k];
        r += source[p] * w;
        g += source[p + 1] * w;
        b += source[p + 2] * w;
        p += 3;
      }
      out[at] = r >> precision;
      out[at + 1] = g >> precision;
      out[at + 2] = b >> precision;
      at += 3;
    }
  }
  return new Uint8Array(out.buffer);
}

function verticalPass(
  rows: Uint8Array,
  stride: number,
  { first, count, weights, width }: Taps,
  top: number,
): Uint8Array {
  const out = new Uint8ClampedArray(first.length * stride);
  const sums = new Int32Array(stride);
  for (let y = 0; y < first.length; y++) {
    sums.fill(half);
    for (let k = 0; k < count[y]; k++) {
      const w = weights[y * width + k];
      const row = (first[y] - top + k) * stride;
      for (let i = 0; i < stride; i++) sums[i] += rows[row + i] * w;
    }
    const at = y * stride;
    for (let i = 0; i < stride; i++) out[at + i] = sums[i] >> precision;
  }
  return new Uint8Array(out.buffer);
}

function copyColumns(image: RgbImage, left: number, width: number, top: number, bottom: number): Uint8Array {
  const out = new Uint8Array((bottom - top) * width * 3);
  for (let y = top; y < bottom; y++) {
    const from = (y * image.width + left) * 3;
    out.set(image.data.subarray(from, from + width * 3), (y - top) * width * 3);
  }
  return out;
}

type Region = NonNullable<ResizeOptions["region"]>;

function nearest(image: RgbImage, width: number, height: number, box: readonly number[], region: Region): RgbImage {
  const out = new Uint8Array(region.width * region.height * 3);
  const stepX = (box[2] - box[0]) / width;
  const stepY = (box[3] - box[1]) / height;
  let at = 0;
  for (let y = 0; y < region.height; y++) {
    const sy = Math.min(image.height - 1, Math.floor(box[1] + (region.top + y + 0.5) * stepY));
    for (let x = 0; x < region.width; x++) {
      const sx = Math.min(image.width - 1, Math.floor(box[0] + (region.left + x + 0.5) * stepX));
      const p = (sy * image.width + sx) * 3;
      out[at++] = image.data[p];
      out[at++] = image.data[p + 1];
      out[at++] = image.data[p + 2];
    }
  }
  return { width: region.width, height: region.height, data: out };
}
