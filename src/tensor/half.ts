/** float16 as its bits. */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The nearest float16 (ties to even); beyond its range, infinity. */
export function toHalf(value: number): number {
  float[0] = value;
  const b = bits[0];
  const sign = (b >>> 16) & 0x8000;
  const magnitude = b & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // rounds beyond 65504
  if (magnitude < 0x38800000) {
    // Subnormal: a multiple of 2⁻²⁴, rounded by adding 0.5, where the last place of a float32 has that size.
    float[0] = Math.abs(value) + 0.5;
    return sign | (bits[0] - 0x3f000000);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
}

/** The values of all float16, by their bits: for converting very many. */
export const halfValues = (): Float32Array => Float32Array.from({ length: 1 << 16 }, (_, half) => fromHalf(half));

/** The value of float16 bits. */
export function fromHalf(half: number): number {
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
