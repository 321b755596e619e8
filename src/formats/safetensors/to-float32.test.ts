import { describe, expect, it } from "vitest";
import { hostTensor } from "../../tensor/index.js";
import { toFloat32 } from "./to-float32.js";

/** IEEE 754 read field by field: an exponent of zero has no hidden bit. */
function value(bits: number, exponentBits: number, fractionBits: number): number {
  const sign = bits >> (exponentBits + fractionBits) ? -1 : 1;
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction ? Number.NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
}

describe("toFloat32", () => {
  const all = Uint16Array.from({ length: 65_536 }, (_, i) => i);
  it.each([
    ["float16", 5, 10],
    ["bfloat16", 8, 7],
  ] as const)("knows all values of %s", (dtype, exponentBits, fractionBits) => {
    const { dtype: result, data } = toFloat32(hostTensor(dtype, [65_536], all));
    expect(result).toBe("float32");
    const wrong = [...all].filter((bits) => !Object.is(data[bits], value(bits, exponentBits, fractionBits)));
    expect(wrong).toEqual([]);
  });

  it("rounds float64 and leaves integers alone", () => {
    expect([...toFloat32(hostTensor("float64", [1], Float64Array.of(0.1))).data]).toEqual([Math.fround(0.1)]);
    const whole = hostTensor("int64", [1], BigInt64Array.of(5n));
    expect(toFloat32(whole)).toBe(whole);
  });
});
