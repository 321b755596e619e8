import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { DeitError } from "../../errors.js";
import { RandomStream } from "../../random/stream.js";
import { readMat } from "./mat.js";

const fixture = (name: string) => new URL(`../../../tests/fixtures/data/${name}.mat`, import.meta.url).pathname;

it.each(["plain", "compressed"])("reads what scipy writes (%s)", async (name) => {
  const found = await readMat(fixture(name));
  expect(found.get("labels")).toEqual([1, 77, 102, 300]);
  expect(found.get("real")).toEqual([1.5, 3.25, -2, 1e300]);
  expect(found.get("text")).toBe("häuser");
  expect(found.get("names")).toEqual(["AM General", "Ford F-150"]);
  expect(found.get("synsets")).toEqual(
    ["n02119789", "n02100735", "n99999999"].map(
      (wnid, i) =>
        new Map<string, unknown>([
          ["ILSVRC2012_ID", [i + 1]],
          ["WNID", wnid],
          ["words", `word ${i}, other`],
          ["num_children", [i < 2 ? 0 : 2]],
        ]),
    ),
  );
});

it("refuses what is damaged, and never fails otherwise", async () => {
  const folder = await mkdtemp(join(tmpdir(), "deit-mat-"));
  const path = join(folder, "x.mat");
  const whole = await readFile(fixture("plain"));
  const stream = new RandomStream({ seed: 3, purpose: "fuzz" });
  let refused = 0;
  for (let i = 0; i < 300; i++) {
    const bytes = Buffer.from(whole);
    for (let k = 0; k <= stream.integer(4); k++) bytes[128 + stream.integer(bytes.length - 128)] = stream.integer(256);
    await writeFile(path, stream.uniform() < 0.2 ? bytes.subarray(0, stream.integer(bytes.length)) : bytes);
    await readMat(path).catch((error: unknown) => {
      expect(error).toBeInstanceOf(DeitError);
      refused++;
    });
  }
  expect(refused).toBeGreaterThan(50);
  await rm(folder, { recursive: true });
});
