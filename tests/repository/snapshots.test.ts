/** Recipes, refusals, parameters and first steps stay what they were when code is rearranged (scripts/snapshots.mjs). */
import { readFileSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import * as deit from "../../src/index.js";
import { snapshots } from "./snapshots.mjs";

const kept = (name: string) =>
  JSON.parse(readFileSync(new URL(`../fixtures/snapshots/${name}.json`, import.meta.url), "utf8"));

let now: Awaited<ReturnType<typeof snapshots>>;
beforeAll(async () => {
  now = await snapshots(deit);
}, 120_000);

/** What was there is there still; new entries may stand beside it. */
it.each(["recipes", "refusals", "models"] as const)("keeps all %s", (name) => {
  expect(now[name]).toMatchObject(kept(name));
});

type Steps = Readonly<
  Record<
    string,
    { readonly initial: string; readonly loss: number; readonly after: Readonly<Record<string, number[]>> }
  >
>;

it("begins with the same weights bit for bit, and makes the same first step", () => {
  const steps = now.steps as Steps;
  for (const [name, before] of Object.entries(kept("steps") as Steps)) {
    const after = steps[name];
    expect(after.initial, name).toBe(before.initial);
    expect(after.loss).toBeCloseTo(before.loss, 4); // sums in another order
    for (const [parameter, values] of Object.entries(before.after))
      values.forEach((value, i) => {
        // Sums of up to 10,000 values of size 0.1, each rounded to 6e-9.
        expect(Math.abs(after.after[parameter][i] - value), `${name} ${parameter}`).toBeLessThan(
          1e-4 + 1e-4 * Math.abs(value),
        );
      });
  }
});
