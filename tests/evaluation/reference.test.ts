/** Against timm and PyTorch on the reference files that lie beside the project (../shared, or DEIT_SHARED). */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect } from "vitest";
import { deit, root } from "../cli/run.js";
import { describeWithReference as describe, itWithReference as it, shared } from "../setup/reference-data.js";

it("the reference files are there", () => {
  // Without them nothing below means anything; that is a failure, not a reason to skip.
  for (const path of ["fixtures/deit_micro.safetensors", "weights", "data/imagenet-sample"])
    expect(existsSync(join(shared, path)), path).toBe(true);
});

describe("deit evaluate on real images with real weights", () => {
  it("predicts like timm, with the same logits", async () => {
    const { stdout } = await deit([
      "evaluate",
      "--model",
      "deit_tiny_patch16_224",
      "--weights",
      join(shared, "weights/deit_tiny_patch16_224.safetensors"),
      "--data",
      join(shared, "data/imagenet-sample"),
      "--classes",
      join(shared, "data/imagenet-classes.txt"),
      "--predictions",
      "--json",
    ]);
    const result = JSON.parse(stdout) as {
      images: number;
      top1: number;
      top5: number;
      predictions: { image: string; top5: number[]; logits: number[] }[];
    };
    const timm = JSON.parse(
      readFileSync(join(root, "tests/fixtures/evaluation/deit_tiny_top5.json"), "utf8"),
    ) as Record<string, [number, number][]>;
    expect(result).toMatchObject({ images: 200, top1: 80, top5: 96 });
    let same = 0;
    for (const { image, top5, logits } of result.predictions) {
      const reference = timm[basename(image)];
      if (reference[0][0] === top5[0]) same++;
      reference.forEach(([index, value]) => {
        const at = top5.indexOf(index);
        if (at >= 0) expect(Math.abs(logits[at] - value)).toBeLessThan(1e-2);
      });
    }
    expect(same).toBeGreaterThanOrEqual(199);
  });
});
