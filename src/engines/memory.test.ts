import { describe, expect, it } from "vitest";
import { OutOfMemoryError } from "../errors/errors.js";
import { exp, input, matmul, mul, program, reduceSum, transpose } from "../tensor/index.js";
import { peakBytes, requireMemory } from "./memory.js";

const x = input("x", "float32", [100, 100]);
const size = 4 * 100 * 100;
const peak = (outputs: Parameters<typeof program>[0]["outputs"]) =>
  peakBytes(program({ name: "test", outputs }), new Set());

describe("the memory of a run", () => {
  it("holds each value until its last reader", () => {
    const one = exp(x);
    expect(peak({ one })).toBe(2 * size);
    // exp overwrites a value that is not read afterwards.
    expect(peak({ two: exp(exp(one)) })).toBe(2 * size);
    // Here the first one is read again at the end.
    expect(peak({ both: mul(one, matmul(one, one)) })).toBe(3 * size);
  });

  it("does not count aliases, and keeps what an alias refers to", () => {
    expect(peak({ turned: transpose(x, [1, 0]) })).toBe(size);
    const one = exp(x);
    const turned = transpose(one, [1, 0]);
    expect(peak({ y: reduceSum(matmul(turned, matmul(x, x))) })).toBe(4 * size);
  });

  it("counts no memory for state that is updated in place", () => {
    const updates = new Map([["x", matmul(x, x)]]);
    const built = program({ name: "test", outputs: {}, updates, state: ["x"] });
    expect(peakBytes(built, new Set())).toBe(2 * size);
    expect(peakBytes(built, new Set(["x"]))).toBe(size);
  });

  it("is refused if the device has less", () => {
    const built = program({ name: "big", outputs: { y: x } });
    expect(() => requireMemory(built, { needed: 3 * 2 ** 30, counted: true, limit: 2 ** 30, free: 0 })).toThrow(
      OutOfMemoryError,
    );
    expect(() => requireMemory(built, { needed: 3 * 2 ** 30, counted: true, limit: 2 ** 30, free: 0 })).toThrow(
      'Program "big" needs 3.0 GiB of memory, but the device has 1.0 GiB',
    );
    requireMemory(built, { needed: 5, counted: false, limit: 6, free: 1 });
    requireMemory(built, undefined);
  });
});
