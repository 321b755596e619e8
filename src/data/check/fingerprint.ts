/**
 * A perceptual fingerprint: the signs of an image's 255 lowest frequencies, and which of them are above the noise.
 * Copies that were re-encoded, resized, brightened or cropped by a narrow margin keep nearly all signs; for unrelated
 * photographs half of them differ, and in ImageNet and CIFAR-10 no two differ in fewer than a third.
 */
import type { RgbImage } from "../pixels/image.js";

/** 32-bit words of signs; equally many words follow that mark which signs count. */
const signWords = 8;
export const fingerprintWords = 2 * signWords;

/** Side of the grey picture that is transformed, and of the block of low frequencies. */
const side = 64;
const low = 16;

/** Amplitude in grey levels (of an orthonormal transform) below which a frequency is encoding noise. */
const significant = 2;

/** Signs that must count in both images for a meaningful comparison. */
const leastCommon = 32;

/** Share of differing signs up to which two images are copies of each other. */
export const copyDistance = 1 / 8;

/** Cosines of the transform: `[frequency][position]`, orthonormal. */
const cosines = Array.from({ length: low }, (_, u) =>
  Float32Array.from(
    { length: side },
    (_, x) => Math.cos((Math.PI * (2 * x + 1) * u) / (2 * side)) * Math.sqrt((u === 0 ? 1 : 2) / side),
  ),
);

/** Words with the bits of odd horizontal frequencies set: those signs flip when mirrored. */
const odd = Uint32Array.from({ length: signWords }, () => 0xaaaaaaaa);

/** Standard deviation of the brightness, in grey levels, below which an image is blank. */
const blankDeviation = 3;

export interface Look {
  /** A plain colour, or nearly so. */
  readonly blank: boolean;
  /** Undefined if the image has too few features to be recognised by, such as blank images or single lines. */
  readonly fingerprint?: Uint32Array;
}

/** Whether an image is blank, and its fingerprint. */
export function lookAtImage(image: RgbImage): Look {
  const picture = greyPicture(image);
  const blank = deviation(picture) < blankDeviation;
  return { blank, fingerprint: blank ? undefined : fingerprintOf(picture) };
}

function fingerprintOf(picture: Float32Array): Uint32Array | undefined {
  const frequencies = lowFrequencies(picture);
  const words = new Uint32Array(fingerprintWords);
  let counted = 0;
  for (let i = 1; i < low * low; i++) {
    if (Math.abs(frequencies[i]) <= significant) continue;
    counted++;
    words[signWords + (i >> 5)] |= 1 << (i & 31);
    if (frequencies[i] > 0) words[i >> 5] |= 1 << (i & 31);
  }
  return counted < leastCommon ? undefined : words;
}

function deviation(picture: Float32Array): number {
  const mean = picture.reduce((sum, v) => sum + v, 0) / picture.length;
  return Math.sqrt(picture.reduce((sum, v) => sum + (v - mean) ** 2, 0) / picture.length);
}

/** The fingerprint of the mirrored image. */
export function mirrored(print: Uint32Array): Uint32Array {
  return print.map((word, i) => (i < signWords ? word ^ (odd[i] & print[signWords + i]) : word));
}

/**
 * Share of differing signs among those that count in both, from 0 to 1; 1 if too few do. `b` may contain consecutive
 * fingerprints; `at` is then the offset of the one to compare.
 */
export function distance(a: Uint32Array, b: Uint32Array, at = 0): number {
  let differing = 0;
  let common = 0;
  for (let i = 0; i < signWords; i++) {
    const both = a[signWords + i] & b[at + signWords + i];
    differing += bitCount((a[i] ^ b[at + i]) & both);
    common += bitCount(both);
  }
  return common < leastCommon ? 1 : differing / common;
}

export function bitCount(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** The image's brightness as `side · side` means over equal rectangles. */
function greyPicture({ width, height, data }: RgbImage): Float32Array {
  const columns = new Float32Array(width);
  const picture = new Float32Array(side * side);
  const rowMeans = new Float32Array(side);
  for (let y = 0; y < height; y++) {
    for (let x = 0, at = y * width * 3; x < width; x++, at += 3)
      columns[x] = 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
    spread(columns, width, rowMeans);
    // The row's weight in each row of the picture.
    const first = Math.floor((y * side) / height);
    for (let i = first; i < side && (i * height) / side < y + 1; i++) {
      const share = Math.min(y + 1, ((i + 1) * height) / side) - Math.max(y, (i * height) / side);
      const weight = (share * side) / height;
      for (let j = 0; j < side; j++) picture[i * side + j] += weight * rowMeans[j];
    }
  }
  return picture;
}

/** Means of `length` values over `side` equal intervals. */
function spread(values: Float32Array, length: number, out: Float32Array): void {
  const span = length / side;
  for (let j = 0; j < side; j++) {
    const [from, to] = [j * span, (j + 1) * span];
    let sum = 0;
    for (let x = Math.floor(from); x < to && x < length; x++)
      sum += values[x] * (Math.min(x + 1, to) - Math.max(x, from));
    out[j] = sum / span;
  }
}

/** The lowest `low · low` coefficients of the cosine transform (DCT-II), vertical frequency first. */
function lowFrequencies(picture: Float32Array): Float32Array {
  const rows = new Float32Array(side * low);
  for (let y = 0; y < side; y++) {
    for (let u = 0; u < low; u++) {
      let sum = 0;
      for (let x = 0; x < side; x++) sum += picture[y * side + x] * cosines[u][x];
      rows[y * low + u] = sum;
    }
  }
  const out = new Float32Array(low * low);
  for (let v = 0; v < low; v++) {
    for (let u = 0; u < low; u++) {
      let sum = 0;
      for (let y = 0; y < side; y++) sum += rows[y * low + u] * cosines[v][y];
      out[v * low + u] = sum;
    }
  }
  return out;
}
