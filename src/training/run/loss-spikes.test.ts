import { describe, expect, it } from "vitest";
import { RandomStream } from "../../random/stream.js";
import { spikeWatcher } from "./loss-spikes.js";

/** A loss that falls from 6 to 2 with noise, as in training. */
function losses(count: number, seed: number): number[] {
  const noise = new RandomStream({ seed, purpose: "loss" });
  return Array.from({ length: count }, (_, i) => 2 + 4 * Math.exp(-i / 200) + noise.normal(0, 0.15));
}
const warnings = (values: readonly number[]) => {
  const watch = spikeWatcher();
  return values.map((loss, i) => watch(i + 1, loss)).flatMap((message, i) => (message ? [[i + 1, message]] : []));
};

describe("spikeWatcher", () => {
  it("gives no warning for a falling loss, however noisy", () => {
    for (const seed of [1, 2, 3, 4]) expect(warnings(losses(3000, seed))).toEqual([]);
  });
  it("reports a jump once, with the usual value", () => {
    const values = losses(1000, 5);
    for (let i = 600; i < 640; i++) values[i] += 5;
    const found = warnings(values);
    expect(found).toHaveLength(1);
    expect(found[0][0]).toBe(601);
    expect(found[0][1]).toMatch(/^The loss jumped to 7\.\d+ at step 601; it was about 2\.\d+\. If it stays high/);
  });
  it("names a second jump later", () => {
    const values = losses(1000, 6);
    values[300] += 5;
    values[700] += 5;
    expect(warnings(values).map(([step]) => step)).toEqual([301, 701]);
  });
  it("takes the first steps as they come", () => {
    expect(warnings([1, 1, 9, 1, 1, 9])).toEqual([]);
  });
});
