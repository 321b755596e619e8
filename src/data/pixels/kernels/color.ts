/** Operations on pixel values, individually or with their neighbours. */
import {
  type Expression,
  f32x4,
  i8x16,
  i16x8,
  i32,
  i32x4,
  repeatWhile,
  type Statement,
  v128,
  wasmFunction,
} from "./wasm.js";

type I32 = Expression<"i32">;
type V128 = Expression<"v128">;

const n = i32.const;

/** From `base` at factor 0 to `value` at 1, and beyond, in float32 like Pillow's `blend`; four numbers. */
const blend = (base: V128, value: V128, factor: V128): V128 =>
  i32x4.truncate32(f32x4.add(f32x4.of(base), f32x4.mul(factor, f32x4.of(i32x4.sub(value, base)))));

/** Saturation: each pixel blended with its luminance (ITU-R 601 in Pillow's fixed point). */
export const saturate = wasmFunction(["i32", "i32", "f64"], ([pixel, end, factor], variable) => {
  const grey = variable("v128");
  const factors = variable("v128");
  const part = (channel: number, weight: number): I32 => i32.mul(i32.load8(pixel, channel), n(weight));
  const luminance = i32.shr(i32.add(i32.add(part(0, 19595), part(1, 38470)), i32.add(part(2, 7471), n(0x8000))), n(16));
  return [
    factors.set(f32x4.splat(factor)),
    repeatWhile(i32.lt(pixel, end), [
      grey.set(i32x4.splat(luminance)),
      grey.set(blend(grey, i32x4.lowOf16(i16x8.lowOf8(v128.load32Zero(pixel))), factors)),
      grey.set(i16x8.narrow(grey, grey)),
      v128.store24(pixel, i8x16.narrow(grey, grey)),
      pixel.set(i32.add(pixel, n(3))),
    ]),
  ];
});

/**
 * Each byte blended with the mean of its neighbourhood, in which it counts five times; for the bytes from `source` to
 * `end`, which must not be on the border of the image. Writes up to seven bytes past the last.
 */
export const sharpen = wasmFunction(
  ["i32", "i32", "i32", "i32", "f64"],
  ([source, end, rowBytes, target, factor], variable) => {
    const factors = variable("v128");
    const centre = variable("v128");
    const sum = variable("v128");
    const row = variable("i32");
    const addRow = (): Statement[] => [-3, 0, 3].map((at) => sum.set(i16x8.add(sum, v128.load8x8(row, at + 3))));
    /** (2 · sum + 13) / 26, by a multiplication that is exact up to the largest sum. */
    const smooth = (sums: V128): V128 =>
      i32x4.shiftRight(
        i32x4.mul(i32x4.add(i32x4.add(sums, sums), i32x4.splat(n(13))), i32x4.splat(n(Math.ceil(2 ** 20 / 26)))),
        n(20),
      );
    return [
      factors.set(f32x4.splat(factor)),
      repeatWhile(i32.lt(source, end), [
        centre.set(v128.load8x8(source)),
        sum.set(i16x8.shiftLeft(centre, n(2))),
        row.set(i32.sub(i32.sub(source, rowBytes), n(3))),
        ...addRow(),
        row.set(i32.add(row, rowBytes)),
        ...addRow(),
        row.set(i32.add(row, rowBytes)),
        ...addRow(),
        sum.set(
          i16x8.narrow(
            blend(smooth(i32x4.lowOf16(sum)), i32x4.lowOf16(centre), factors),
            blend(smooth(i32x4.highOf16(sum)), i32x4.highOf16(centre), factors),
          ),
        ),
        v128.store64(target, i8x16.narrow(sum, sum)),
        source.set(i32.add(source, n(8))),
        target.set(i32.add(target, n(8))),
      ]),
    ];
  },
);

/** Maps bytes by three alternating tables of 256; `end` minus `pixel` is a multiple of 3. */
export const lookUp = wasmFunction(["i32", "i32", "i32"], ([pixel, end, tables]) => [
  repeatWhile(i32.lt(pixel, end), [
    ...[0, 1, 2].map((k) => i32.store8(pixel, i32.load8(i32.add(tables, i32.load8(pixel, k)), 256 * k), k)),
    pixel.set(i32.add(pixel, n(3))),
  ]),
]);
