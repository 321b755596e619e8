/**
 * Converts grey of more than 8 bits to 8. The number of bits used is rarely stated, and data of sensors with 12 bits or
 * fewer is stored in 16; if white is not stated, it is the largest number of 8, 12 or 16 bits, the first of these that
 * no value exceeds. (Pillow takes 255 as white, and clips everything above.)
 */
const depths = [8, 12, 16].map((bits) => 2 ** bits - 1);

type Values = Float32Array | Uint16Array | Uint8Array;

/** `white` is the value of white (default: inferred from the values). */
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

/** Converts grey to RGB. */
export function greyToRgb(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3);
  for (let i = 0; i < grey.length; i++) rgb.fill(grey[i], i * 3, i * 3 + 3);
  return rgb;
}
