/** Affine maps over an image with a border of two pixels, in float64 as Pillow computes them. */
import {
  type Expression,
  f64,
  f64x2,
  i8x16,
  i16x8,
  i32,
  i32x4,
  type Local,
  repeatWhile,
  type Statement,
  v128,
  wasmFunction,
  when,
} from "./wasm.js";

type V128 = Expression<"v128">;
type F64 = Expression<"f64">;

/** Results are truncated; rounding errors of weights that sum to an integer must not lose a level. */
const epsilon = f64x2.splat(f64.const(1e-9));

/** Channels 0 and 1, or channel 2, of pixel `k`, counted from the first byte. */
const channels = (pixels: V128, k: number, which: "rg" | "b"): V128 => {
  const [first, second] = which === "rg" ? [3 * k, 3 * k + 1] : [3 * k + 2, 16];
  const order = [first, 16, 16, 16, second, ...new Array<number>(11).fill(16)];
  return f64x2.of(v128.shuffle(pixels, v128.zero, order));
};

/** The sum of weight · value over four consecutive pixels, in this order. */
const weighed = (pixels: V128, weights: readonly (V128 | undefined)[], which: "rg" | "b"): V128 =>
  weights
    .flatMap((w, k) => (w ? [f64x2.mul(w, channels(pixels, k, which))] : []))
    .reduce((sum, term) => f64x2.add(sum, term));

const storePixel = (address: Expression<"i32">, rg: V128, b: V128, whole: Local<"v128">): Statement[] => [
  whole.set(
    v128.shuffle(i32x4.truncate64(rg), i32x4.truncate64(b), [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 16, 17, 18, 19]),
  ),
  whole.set(i16x8.narrow(whole, whole)),
  whole.set(i8x16.narrow(whole, whole)),
  v128.store24(address, whole),
];

/**
 * Lines of pixels, rows or columns, each shifted along itself. Per line: address of the first tap of its first pixel,
 * address of its first result, bytes from there to the end (int32 each), and four weights.
 */
export const shiftLines = wasmFunction(
  ["i32", "i32", "i32", "i32", "i32", "i32"],
  ([lines, ends, weights, step, targetStep, tapStep], variable) => {
    const source = variable("i32");
    const target = variable("i32");
    const end = variable("i32");
    const tap = variable("i32");
    const pixel = variable("v128");
    const rg = variable("v128");
    const b = variable("v128");
    const w = [variable("v128"), variable("v128"), variable("v128"), variable("v128")];
    const [first, second] = [
      [0, 16, 16, 16, 1, ...new Array<number>(11).fill(16)],
      [2, ...new Array<number>(15).fill(16)],
    ];
    return [
      repeatWhile(i32.lt(lines, ends), [
        source.set(i32.load(lines)),
        target.set(i32.load(lines, 4)),
        end.set(i32.add(target, i32.load(lines, 8))),
        ...w.map((each, k) => each.set(f64x2.splat(f64.load(weights, 8 * k)))),
        when(i32.lt(target, end), [
          repeatWhile(i32.lt(target, end), [
            tap.set(source),
            ...w.flatMap((each, k) => {
              const terms = [first, second].map((order) =>
                f64x2.mul(each, f64x2.of(v128.shuffle(pixel, v128.zero, order))),
              );
              return [
                pixel.set(v128.load32Zero(tap)),
                rg.set(k === 0 ? terms[0] : f64x2.add(rg, terms[0])),
                b.set(k === 0 ? terms[1] : f64x2.add(b, terms[1])),
                tap.set(i32.add(tap, tapStep)),
              ];
            }),
            ...storePixel(target, f64x2.add(rg, epsilon), f64x2.add(b, epsilon), pixel),
            source.set(i32.add(source, step)),
            target.set(i32.add(target, targetStep)),
          ]),
        ]),
        lines.set(i32.add(lines, i32.const(12))),
        weights.set(i32.add(weights, i32.const(32))),
      ]),
    ];
  },
);

/** The weights of the pixels at -1, 0, 1 and 2 for a point at fraction `d`; undefined for none. */
type Weigh = (d: F64, square: F64, cube: F64) => readonly (F64 | undefined)[];

/** Pillow's cubic for maps (a = -1), which differs from that of its resizing. */
const cubic: Weigh = (d, d2, d3) => [
  f64.sub(f64.add(f64.negate(d), f64.mul(f64.const(2), d2)), d3),
  f64.add(f64.sub(f64.const(1), f64.mul(f64.const(2), d2)), d3),
  f64.sub(f64.add(d, d2), d3),
  f64.sub(d3, d2),
];

const triangle: Weigh = (d) => [undefined, f64.sub(f64.const(1), d), d, undefined];

/**
 * Any map: `origin` is the address of the image's first pixel inside its border. A point outside leaves the result
 * unchanged.
 */
const mapAnywhere = (weigh: Weigh) =>
  wasmFunction(
    ["i32", "i32", "i32", "i32", "i32", "f64", "f64", "f64", "f64", "f64", "f64"],
    ([origin, rowBytes, width, height, target, a, b, c, d, e, f], variable) => {
      const x = variable("i32");
      const y = variable("i32");
      const pixel = variable("i32");
      const pixels = variable("v128");
      const [middleX, middleY, wide, high] = [variable("f64"), variable("f64"), variable("f64"), variable("f64")];
      const [px, py, left, top] = [variable("f64"), variable("f64"), variable("f64"), variable("f64")];
      const [square, cube] = [variable("f64"), variable("f64")];
      const across = [variable("v128"), variable("v128"), variable("v128"), variable("v128")];
      const down = [variable("v128"), variable("v128"), variable("v128"), variable("v128")];
      const [rg, blue] = [variable("v128"), variable("v128")];
      const half = f64.const(0.5);
      const point = (along: F64, over: F64, shift: F64) =>
        f64.add(f64.add(f64.mul(along, middleX), f64.mul(over, middleY)), shift);
      /** Splits a point into the pixel before it, and sets the weights of the four around it. */
      const split = (at: Local<"f64">, whole: Local<"f64">, into: readonly Local<"v128">[]): Statement[] => [
        at.set(f64.sub(at, half)),
        whole.set(f64.floor(at)),
        at.set(f64.sub(at, whole)),
        square.set(f64.mul(at, at)),
        cube.set(f64.mul(square, at)),
        ...weigh(at, square, cube).flatMap((w, k) => (w ? [into[k].set(f64x2.splat(w))] : [])),
      ];
      const used = weigh(half, half, half).map((w) => w !== undefined);
      const weightsAcross = across.map((w, k) => (used[k] ? w : undefined));
      return [
        wide.set(f64.of(width)),
        high.set(f64.of(height)),
        repeatWhile(i32.lt(y, height), [
          middleY.set(f64.add(f64.of(y), half)),
          x.set(i32.const(0)),
          repeatWhile(i32.lt(x, width), [
            middleX.set(f64.add(f64.of(x), half)),
            px.set(point(a, b, c)),
            py.set(point(d, e, f)),
            when(
              i32.and(
                i32.and(f64.ge(px, f64.const(0)), f64.lt(px, wide)),
                i32.and(f64.ge(py, f64.const(0)), f64.lt(py, high)),
              ),
              [
                ...split(px, left, across),
                ...split(py, top, down),
                pixel.set(
                  i32.add(
                    i32.add(origin, i32.mul(i32.sub(i32.truncate(top), i32.const(1)), rowBytes)),
                    i32.mul(i32.sub(i32.truncate(left), i32.const(1)), i32.const(3)),
                  ),
                ),
                rg.set(epsilon),
                blue.set(epsilon),
                ...down.flatMap((w, j) => [
                  ...(used[j]
                    ? [
                        pixels.set(v128.load(pixel)),
                        rg.set(f64x2.add(rg, f64x2.mul(w, weighed(pixels, weightsAcross, "rg")))),
                        blue.set(f64x2.add(blue, f64x2.mul(w, weighed(pixels, weightsAcross, "b")))),
                      ]
                    : []),
                  pixel.set(i32.add(pixel, rowBytes)),
                ]),
                ...storePixel(target, rg, blue, pixels),
              ],
            ),
            target.set(i32.add(target, i32.const(3))),
            x.set(i32.add(x, i32.const(1))),
          ]),
          y.set(i32.add(y, i32.const(1))),
        ]),
      ];
    },
  );

export const mapBicubic = mapAnywhere(cubic);
export const mapBilinear = mapAnywhere(triangle);
