/** The two passes of resizing, over pixels in rows and fixed-point weights. */
import { i8x16, i16x8, i32, i32x4, repeatWhile, v128, wasmFunction } from "./wasm.js";

/** Fractional bits of a weight, as in Pillow. */
export const precision = 22;

const half = i32x4.splat(i32.const(1 << (precision - 1)));
const bytes = (n: number) => i32.const(n);

/**
 * Weighted sums along rows. `first` contains the byte of a row where an output pixel's weights begin, `counts` the
 * bytes of its weights, out of `weightBytes` reserved for it. Writes up to three bytes past the last pixel.
 */
export const horizontalPass = wasmFunction(
  ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"],
  ([source, rowBytes, rows, first, counts, weights, weightBytes, columns, target], variable) => {
    const row = variable("i32");
    const x = variable("i32");
    const column = variable("i32");
    const pixel = variable("i32");
    const weight = variable("i32");
    const end = variable("i32");
    const sum = variable("v128");
    return [
      repeatWhile(i32.lt(row, rows), [
        x.set(bytes(0)),
        column.set(weights),
        repeatWhile(i32.lt(x, i32.shl(columns, i32.const(2))), [
          pixel.set(i32.add(source, i32.load(i32.add(first, x)))),
          weight.set(column),
          end.set(i32.add(weight, i32.load(i32.add(counts, x)))),
          sum.set(half),
          repeatWhile(i32.lt(weight, end), [
            sum.set(
              i32x4.add(sum, i32x4.mul(i32x4.lowOf16(i16x8.lowOf8(v128.load32Zero(pixel))), v128.load32Splat(weight))),
            ),
            pixel.set(i32.add(pixel, bytes(3))),
            weight.set(i32.add(weight, bytes(4))),
          ]),
          sum.set(i32x4.shiftRight(sum, i32.const(precision))),
          sum.set(i16x8.narrow(sum, sum)),
          v128.store32(target, i8x16.narrow(sum, sum)),
          target.set(i32.add(target, bytes(3))),
          x.set(i32.add(x, bytes(4))),
          column.set(i32.add(column, weightBytes)),
        ]),
        source.set(i32.add(source, rowBytes)),
        row.set(i32.add(row, i32.const(1))),
      ]),
    ];
  },
);

/**
 * Weighted sums of rows. `first` contains the byte where an output row's first input row begins, `counts` the bytes of
 * its weights. Output rows are `targetBytes` apart; up to fifteen bytes past each are written.
 */
export const verticalPass = wasmFunction(
  ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"],
  ([source, rowBytes, first, counts, weights, weightBytes, rows, target, targetBytes], variable) => {
    const row = variable("i32");
    const x = variable("i32");
    const pixel = variable("i32");
    const weight = variable("i32");
    const end = variable("i32");
    const pixels = variable("v128");
    const low = variable("v128");
    const factor = variable("v128");
    const sums = [variable("v128"), variable("v128"), variable("v128"), variable("v128")] as const;
    const add = (i: number, values: typeof low, widen: typeof i32x4.lowOf16) =>
      sums[i].set(i32x4.add(sums[i], i32x4.mul(widen(values), factor)));
    return [
      repeatWhile(i32.lt(row, i32.shl(rows, i32.const(2))), [
        x.set(bytes(0)),
        repeatWhile(i32.lt(x, rowBytes), [
          pixel.set(i32.add(i32.add(source, i32.load(i32.add(first, row))), x)),
          weight.set(weights),
          end.set(i32.add(weights, i32.load(i32.add(counts, row)))),
          ...sums.map((sum) => sum.set(half)),
          repeatWhile(i32.lt(weight, end), [
            factor.set(v128.load32Splat(weight)),
            pixels.set(v128.load(pixel)),
            low.set(i16x8.lowOf8(pixels)),
            add(0, low, i32x4.lowOf16),
            add(1, low, i32x4.highOf16),
            low.set(i16x8.highOf8(pixels)),
            add(2, low, i32x4.lowOf16),
            add(3, low, i32x4.highOf16),
            pixel.set(i32.add(pixel, rowBytes)),
            weight.set(i32.add(weight, bytes(4))),
          ]),
          ...sums.map((sum) => sum.set(i32x4.shiftRight(sum, i32.const(precision)))),
          v128.store(i32.add(target, x), i8x16.narrow(i16x8.narrow(sums[0], sums[1]), i16x8.narrow(sums[2], sums[3]))),
          x.set(i32.add(x, bytes(16))),
        ]),
        target.set(i32.add(target, targetBytes)),
        weights.set(i32.add(weights, weightBytes)),
        row.set(i32.add(row, bytes(4))),
      ]),
    ];
  },
);
