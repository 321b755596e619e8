import { describe, expect, it } from "vitest";
import { patiently } from "./patience.js";

const later = <T>(ms: number, value: T) => new Promise<T>((resolve) => setTimeout(resolve, ms, value));

describe("patiently", () => {
  it("passes data on, and reports now and then while it waits", async () => {
    const words: number[] = [];
    expect(await patiently(later(120, "here"), { every: 25, onWaiting: (ms) => words.push(ms) })).toBe("here");
    expect(words.length).toBeGreaterThan(1);
    const told = words.length;
    await later(60, 0);
    expect(words).toHaveLength(told);
  });
  it("passes on what went wrong", async () => {
    const broken = Promise.reject(new Error("no"));
    await expect(patiently(broken, { every: 1000, onWaiting: () => undefined })).rejects.toThrow("no");
  });
  it("ends at once when the signal aborts, also before it began", async () => {
    const never = new Promise<string>(() => undefined);
    const signal = AbortSignal.timeout(20);
    expect(await patiently(never, { every: 1000, onWaiting: () => undefined, signal })).toBeUndefined();
    expect(await patiently(never, { every: 1000, onWaiting: () => undefined, signal })).toBeUndefined();
  });
});
