/** From the rows of a PNG to pixels of three bytes. */
import { type Expression, i8x16, i16x8, i32, type Local, repeatWhile, v128, wasmFunction, when } from "./wasm.js";

type V128 = Expression<"v128">;

const n = i32.const;
const byte = i16x8.splat(n(255));
const vectorBytes = n(16);

/** The number of a row's filter, in the byte before the row. */
const filters = { none: 0, sub: 1, up: 2, average: 3, paeth: 4 } as const;
export const lastFilter = filters.paeth;

/** The nearest to left + above - corner of the three, in that order. */
function paeth(left: V128, above: V128, corner: Local<"v128">, [a, b, nearest]: readonly Local<"v128">[]) {
  const fromLeft = i16x8.sub(above, corner);
  const fromAbove = i16x8.sub(left, corner);
  const steps = [
    nearest.set(i16x8.abs(i16x8.add(fromLeft, fromAbove))),
    a.set(i16x8.abs(fromLeft)),
    b.set(i16x8.abs(fromAbove)),
    nearest.set(i16x8.min(nearest, i16x8.min(a, b))),
  ];
  const other = v128.choose(i16x8.eq(nearest, b), above, corner);
  return { steps, predicted: v128.choose(i16x8.eq(nearest, a), left, other) };
}

/**
 * Undoes the filters of rows: `rowBytes` in pixels of up to four bytes, each after the number of its filter. The rows
 * are written to `target` without these numbers; the row above them must precede `target`. Up to 15 bytes past the last
 * row are read and written.
 */
export const unfilter = wasmFunction(
  ["i32", "i32", "i32", "i32", "i32"],
  ([source, rows, rowBytes, pixelBytes, target], variable) => {
    const [filter, next, end] = [variable("i32"), variable("i32"), variable("i32")];
    const [left, above, corner] = [variable("v128"), variable("v128"), variable("v128")];
    const distances = [variable("v128"), variable("v128"), variable("v128")];
    const rowAbove = i32.sub(target, rowBytes);
    const advance = (bytes: Expression<"i32">) => [
      source.set(i32.add(source, bytes)),
      target.set(i32.add(target, bytes)),
    ];
    const row = (number: number, body: Parameters<typeof when>[1]) => when(i32.eq(filter, n(number)), body);
    const byVectors = (value: V128) => [
      repeatWhile(i32.lt(target, end), [v128.store(target, value), ...advance(vectorBytes)]),
    ];
    // The bytes of a pixel in 16 bits each. Of a pixel of fewer than four bytes the last are not its own; the next pixel
    // overwrites them.
    const pixelAt = (address: Expression<"i32">) => i16x8.lowOf8(v128.load32Zero(address));
    const byPixels = (predicted: V128, steps: Parameters<typeof when>[1] = []) => [
      left.set(v128.zero),
      corner.set(v128.zero),
      repeatWhile(i32.lt(target, end), [
        above.set(pixelAt(rowAbove)),
        ...steps,
        left.set(v128.and(i16x8.add(pixelAt(source), predicted), byte)),
        corner.set(above),
        v128.store32(target, i8x16.narrow(left, left)),
        ...advance(pixelBytes),
      ]),
    ];
    const nearest = paeth(left, above, corner, distances);
    return [
      repeatWhile(i32.gt(rows, n(0)), [
        filter.set(i32.load8(source)),
        source.set(i32.add(source, n(1))),
        next.set(i32.add(source, rowBytes)),
        end.set(i32.add(target, rowBytes)),
        row(filters.none, byVectors(v128.load(source))),
        row(filters.sub, byPixels(left)),
        row(filters.up, byVectors(i8x16.add(v128.load(source), v128.load(rowAbove)))),
        row(filters.average, byPixels(i16x8.shiftRight(i16x8.add(left, above), n(1)))),
        row(filters.paeth, byPixels(nearest.predicted, nearest.steps)),
        source.set(next),
        target.set(end),
        rows.set(i32.sub(rows, n(1))),
      ]),
    ];
  },
);

const thrice = (first: number) => Array.from({ length: 16 }, (_, i) => Math.floor((first + i) / 3));

/** Each byte from `source` to `end` three times; reads up to 15 bytes more, and writes three times as many. */
export const triple = wasmFunction(["i32", "i32", "i32"], ([source, end, target], variable) => {
  const bytes = variable("v128");
  return [
    repeatWhile(i32.lt(source, end), [
      bytes.set(v128.load(source)),
      ...[0, 16, 32].map((at) => v128.store(target, v128.shuffle(bytes, bytes, thrice(at)), at)),
      source.set(i32.add(source, vectorBytes)),
      target.set(i32.add(target, n(48))),
    ]),
  ];
});

/** The first three of each four bytes from `source` to `end`; reads up to 12 bytes more, and writes up to 13. */
export const dropFourth = wasmFunction(["i32", "i32", "i32"], ([source, end, target], variable) => {
  const bytes = variable("v128");
  const order = [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15];
  return [
    repeatWhile(i32.lt(source, end), [
      bytes.set(v128.load(source)),
      v128.store(target, v128.shuffle(bytes, bytes, order)),
      source.set(i32.add(source, vectorBytes)),
      target.set(i32.add(target, n(12))),
    ]),
  ];
});
