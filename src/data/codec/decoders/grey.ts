/**
 * Grey of more than 8 bits to 8. How many of its bits a picture uses is seldom said, and sensors of 12 bits or fewer are
 * stored in 16; where nothing says what is white, it is the largest number of 8, 12 or 16 bits, whichever is the first
 * that no value exceeds. (Pillow takes 255 for white, and shows all else as white.)
 */
const depths = [8, 12, 16].map((bits) => 2 ** bits - 1);

type Values = Float32Array | Uint16Array | Uint8Array;

/** `white` is the value that stands for it (default: by the values themselves). */
export function greyOf16Bits(values: Values, white = usualWhite(values)): Uint8Array {
  const grey = new Uint8Array(values.length);
  const scale = 256 / (white + 1);
  for (let i = 0; i < values.length; i++) grey[i] = Math.min(255, Math.floor(values[i] * scale));
  return grey;
}

function usualWhite(values: Values): number {
  let most = 0;
  for (const value of values) most = Math.max(most, value);
  return depths.find((white) => most <= white) ?? depths[depths.length - 1];
}

/** Grey to three equal colours. */
export function greyToRgb(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3);
  for (let i = 0; i < grey.length; i++) rgb.fill(grey[i], i * 3, i * 3 + 3);
  return rgb;
}
