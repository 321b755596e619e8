import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { openDataset } from "../sources/open.js";
import { drawProcedural } from "./procedural-image.js";

const hash = (variety?: "any" | "upright") => {
  const sum = createHash("sha256");
  for (let label = 0; label < 10; label++) sum.update(drawProcedural({ size: 16, seed: label, label, variety }).data);
  return sum.digest("hex").slice(0, 16);
};

describe("images of shapes", () => {
  it("are those of earlier versions unless another variety is named", () => {
    expect(hash()).toBe("327b4d8909e3f8b7");
    expect(hash("any")).toBe(hash());
    expect(hash("upright")).not.toBe(hash());
  });

  it("show light squares on darker ground in the middle of upright images", () => {
    for (let seed = 0; seed < 50; seed++) {
      const { data } = drawProcedural({ size: 24, seed, label: 2, variety: "upright" });
      const brightness = (x: number, y: number) => [0, 1, 2].reduce((sum, c) => sum + data[(y * 24 + x) * 3 + c], 0);
      const mean = (points: readonly (readonly number[])[]) =>
        points.reduce((sum, [x, y]) => sum + brightness(x, y), 0) / points.length;
      const [middle, corners] = [
        [
          [11, 11],
          [12, 11],
          [11, 12],
          [12, 12],
        ],
        [
          [0, 0],
          [23, 0],
          [0, 23],
          [23, 23],
        ],
      ];
      expect(mean(middle)).toBeGreaterThan(mean(corners));
    }
  });

  it("are named by their variety, and an unknown one is refused", async () => {
    const upright = await openDataset("procedural:24:20:upright", { split: "train" });
    expect([upright.name, upright.length]).toEqual(["procedural 24×24, upright", 20]);
    expect((await openDataset("procedural:24:20", { split: "train" })).name).toBe("procedural 24×24");
    const unknown = openDataset("procedural:24:20:tilted", { split: "train" });
    await expect(unknown).rejects.toThrow("where the variety is any or upright");
    await expect(openDataset("procedural:24:20:any:5", { split: "train" })).rejects.toThrow("is not a procedural");
  });
});
