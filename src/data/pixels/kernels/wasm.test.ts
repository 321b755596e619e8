import { describe, expect, it } from "vitest";
import {
  compileWasm,
  f64,
  f64x2,
  i8x16,
  i16x8,
  i32,
  i32x4,
  repeatWhile,
  select,
  v128,
  wasmFunction,
  when,
} from "./wasm.js";

const memory = new WebAssembly.Memory({ initial: 1 });
const words = () => new Int32Array(memory.buffer);

describe("compileWasm", () => {
  it.each([0, 1, 63, 64, 127, 128, -1, -64, -65, 8191, -8192, 2 ** 31 - 1, -(2 ** 31)])(
    "writes the constant %i",
    (n) => {
      const put = wasmFunction(["i32"], ([at]) => [i32.store(at, i32.const(n), 4)]);
      compileWasm({ put }, memory).put(0);
      expect(words()[1]).toBe(n);
    },
  );

  it("counts in a loop, and evaluates conditions", () => {
    // The number of odd numbers below n, and the larger of it and 3.
    const count = wasmFunction(["i32", "i32"], ([n, at], variable) => {
      const [i, odd] = [variable("i32"), variable("i32")];
      return [
        repeatWhile(i32.lt(i, n), [
          when(i32.and(i, i32.const(1)), [odd.set(i32.add(odd, i32.const(1)))]),
          i.set(i32.add(i, i32.const(1))),
        ]),
        i32.store(at, odd),
        i32.store(at, select(i32.gt(odd, i32.const(3)), odd, i32.const(3)), 4),
      ];
    });
    const { count: run } = compileWasm({ count }, memory);
    run(11, 16);
    expect([...words().subarray(4, 6)]).toEqual([5, 5]);
    run(4, 16);
    expect([...words().subarray(4, 6)]).toEqual([2, 3]);
  });

  it("computes in float64 and in vectors", () => {
    const mix = wasmFunction(["f64", "i32"], ([x, at], variable) => {
      const pixels = variable("v128");
      return [
        i32.store(at, i32.truncate(f64.floor(f64.mul(x, f64.const(-2.5))))),
        pixels.set(i32x4.lowOf16(i16x8.lowOf8(v128.load32Zero(at, 8)))),
        pixels.set(i32x4.add(i32x4.mul(pixels, i32x4.splat(i32.const(3))), i32x4.splat(i32.const(-20)))),
        pixels.set(i16x8.narrow(pixels, pixels)),
        v128.store32(i32.add(at, i32.const(4)), i8x16.narrow(pixels, pixels)),
        pixels.set(i32x4.truncate64(f64x2.mul(f64x2.of(v128.load(at, 12)), f64x2.splat(x)))),
        v128.store(i32.add(at, i32.const(32)), pixels),
      ];
    });
    words().set([0, 0, 0x64_0a_05_ff, 7, -9], 0);
    compileWasm({ mix }, memory).mix(1.5, 0);
    expect(words()[0]).toBe(-4);
    // 3 v - 20 for 255, 5, 10 and 100, clamped to 0 … 255.
    expect([...new Uint8Array(memory.buffer, 4, 4)]).toEqual([255, 0, 10, 255]);
    expect([...words().subarray(8, 12)]).toEqual([10, -13, 0, 0]);
  });
});
