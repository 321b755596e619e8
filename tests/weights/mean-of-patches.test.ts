/** Vision transformers whose head reads the mean of the patches, against timm (tests/fixtures/models/generate_pool.py). */
import { readFileSync } from "node:fs";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createModel, exportModel, openModel, UsageError } from "../../src/index.js";
import { inferenceContext, parameterInputs } from "../../src/models/context.js";
import {
  constant,
  evaluate,
  gradient,
  input,
  logSoftmax,
  mul,
  type NamedTensors,
  reduceSum,
} from "../../src/tensor/index.js";

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/models/${name}`, import.meta.url));
const timm = JSON.parse(readFileSync(fixture("pool_avg.json"), "utf8")) as {
  readonly images: number[];
  readonly logits: number[][];
  readonly gradientNorms: Readonly<Record<string, number>>;
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deit-pool-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("is recognised, and has timm's logits and gradients", async () => {
  const { model, weights } = await openModel({ weights: fixture("pool_avg.safetensors"), model: "deit" });
  expect(model.config).toMatchObject({ pool: "avg", width: 16, depth: 2, imageSize: 24 });
  const { logits: ours, slopes } = run(weights);
  // timm computes in float32; ours is in double precision.
  timm.logits.flat().forEach((v, i) => {
    expect(Math.abs(ours[i] - v)).toBeLessThan(2e-5 * (1 + Math.abs(v)));
  });
  for (const [name, norm] of Object.entries(timm.gradientNorms))
    expect(Math.hypot(...slopes.get(name)!), name).toBeCloseTo(norm, 4);
});

/** Logits and gradients of the fixture's images, labelled 0 and 2. */
function run(weights: NamedTensors) {
  const model = createModel("deit", {
    ...{ imageSize: 24, patchSize: 8, width: 16, depth: 2, heads: 1, classes: 3, pool: "avg" },
  });
  const parameters = parameterInputs(model);
  const { logits } = model.forward(inferenceContext(parameters), input("images", "float32", [2, 24, 24, 3]));
  const labels = constant("float32", [2, 3], [1, 0, 0, 0, 0, 1]);
  const loss = mul(reduceSum(mul(labels, logSoftmax(logits))), -1 / 2);
  const names = [...parameters.keys()];
  const slopes = gradient(
    loss,
    names.map((name) => parameters.get(name)!),
  );
  const values = new Map<string, ArrayLike<number>>([
    ...[...weights].map(([name, { data }]) => [name, data as Float32Array] as const),
    ["images", timm.images],
  ]);
  const [got, ...rest] = evaluate([logits, ...slopes], values);
  return { logits: got, slopes: new Map(names.map((name, i) => [name, Array.from(rest[i])])) };
}

it("is written for timm with its pooling, and not for transformers, whose head reads the class token", async () => {
  const weights = join(folder, "pool_avg.safetensors");
  await copyFile(fixture("pool_avg.safetensors"), weights);
  const output = join(folder, "timm");
  await exportModel({ weights, model: "deit", to: "timm", output, images: 2 });
  const config = JSON.parse(await readFile(join(output, "config.json"), "utf8")) as Record<string, unknown>;
  expect(config).toMatchObject({ global_pool: "avg", model_args: { global_pool: "avg" } });
  expect((await openModel({ weights: output, model: "deit" })).model.config.pool).toBe("avg");
  await expect(
    exportModel({ weights, model: "deit", to: "transformers", output: join(folder, "t"), images: 2 }),
  ).rejects.toThrow(/reads the mean of its patches \(pool=avg\)/);
});

it("is refused where a file beside it says otherwise, and for a model with a distillation token", async () => {
  const own = join(folder, "own");
  await exportModel({ weights: fixture("pool_avg.safetensors"), model: "deit", to: "timm", output: own, images: 2 });
  const config = JSON.parse(await readFile(join(own, "config.json"), "utf8")) as object;
  await writeFile(join(own, "config.json"), JSON.stringify({ ...config, global_pool: "token", model_args: {} }));
  await expect(openModel({ weights: own, model: "deit" })).rejects.toThrow(
    /global_pool token\) than the mean of the patches/,
  );
  const options = {
    imageSize: 32,
    patchSize: 16,
    width: 16,
    depth: 1,
    heads: 1,
    distilled: true,
    pool: "avg",
  } as const;
  expect(() => createModel("deit", options)).toThrow(UsageError);
});
