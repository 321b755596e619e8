import { expect, it } from "vitest";
import { multipliesBfloat16, processorFeatures } from "./processor.js";

it.each([
  ["AVX2", "fma avx avx2", false],
  ["AVX-512 without it", "avx512f avx512_vnni", false],
  ["Zen 4", "avx512f avx512_bf16", true],
  ["AMX", "avx512f amx_bf16 amx_tile", true],
  ["Arm", "asimd bf16 i8mm", true],
])("products in bfloat16 on %s", (_, features, expected) => {
  expect(multipliesBfloat16(new Set(features.split(" ")))).toBe(expected);
});

it("assumes nothing missing where the system does not tell", () => expect(multipliesBfloat16(undefined)).toBe(true));

it.runIf(process.platform === "linux")("reads the features of this processor", async () => {
  const features = await processorFeatures();
  expect(features?.has(process.arch === "x64" ? "sse2" : "asimd")).toBe(true);
});
