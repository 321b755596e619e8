/** Weights that were copied out of their run's folder, measured on the images of the run. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { classifier, loadWeights, openDataset, writeSafetensors } from "../../src/index.js";
import { deit } from "./run.js";

let scratch = "";
/** Ten images of two classes each, which are known by their names alone. */
const data = () => join(scratch, "photos");
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-copied-"));
  for (const name of ["cat", "dog"]) {
    await mkdir(join(data(), name), { recursive: true });
    for (let i = 0; i < 10; i++) await writeFile(join(data(), name, `${i}.ppm`), "P6 1 1 255 abc");
  }
  await trained("divided", "--split", "0.2");
  await trained("whole", "--split", "given");
}, 60_000);
afterAll(() => rm(scratch, { recursive: true, force: true }));

const sizes = ["imageSize=16", "patchSize=4", "width=24", "depth=1", "heads=2", "batchSize=4", "warmupEpochs=0"];
const settings = ["--set", "model=deit", ...sizes, "epochs=1", "repeatedAugmentation=1", "emaDecay=0.5"];

/** Trains, and copies the best weights (which are averages) out of the folder, as `NAME.safetensors`. */
async function trained(name: string, ...split: readonly string[]): Promise<void> {
  const output = join(scratch, "runs", name);
  const ran = await deit(["train", "small-data", data(), "--output", output, ...split, ...settings]);
  expect([ran.code, ran.stderr]).toEqual([0, expect.anything()]);
  await copyFile(join(output, "best.safetensors"), copied(name));
}

const copied = (name: string) => join(scratch, `${name}.safetensors`);
const evaluate = (weights: string, on = data(), ...others: readonly string[]) =>
  deit(["evaluate", "--weights", weights, "--data", on, ...others]);
const counted = (stdout: string) => Number(/ on (\d+) images/.exec(stdout)?.[1]);

it("evaluates on what the run held out, wherever the data is", async () => {
  const moved = join(scratch, "moved");
  for (const name of ["cat", "dog"]) {
    await mkdir(join(moved, name), { recursive: true });
    for (let i = 0; i < 10; i++) await copyFile(join(data(), name, `${i}.ppm`), join(moved, name, `${i}.ppm`));
  }
  for (const on of [data(), moved]) {
    const ran = await evaluate(copied("divided"), on);
    expect([ran.code, counted(ran.stdout)]).toEqual([0, 4]);
    expect(ran.stderr).toContain(`"${on}" is what the run that made "${copied("divided")}" was trained on; only`);
  }
});

it("evaluates an export on what the run held out", async () => {
  const output = join(scratch, "exported");
  const ran = await deit(["export", join(scratch, "runs/divided"), "--to", "huggingface", "--output", output]);
  expect([ran.code, ran.stderr]).toEqual([0, expect.anything()]);
  expect(counted((await evaluate(output)).stdout)).toBe(4);
});

it("measures on the images that the folder of the run names", async () => {
  const keys = async (rule: { readonly path: string }) => {
    const ran = await evaluate(copied("divided"), data(), "--json", "--predictions", "--split", rule.path);
    return JSON.parse(ran.stdout).predictions.map(({ image }: { image: string }) => image);
  };
  const recorded = await keys({ path: join(scratch, "runs/divided/split.json") });
  expect(recorded).toHaveLength(4);
  expect(await keys({ path: copied("divided") })).toEqual(recorded);
  const classify = await classifier(copied("divided"));
  const aside = await openDataset(data(), { split: "test", rule: classify.trainedOn?.split });
  expect(Array.from({ length: aside.length }, (_, i) => aside.describe(i))).toEqual(recorded);
  await classify.close();
});

it("warns that another split contains training images", async () => {
  const ran = await evaluate(copied("divided"), data(), "--split", "0.5");
  expect(ran.stderr).toContain("6 of the 10 images that --split takes for testing were not held out by the run that");
});

it("warns that images may be training images if some have been added since", async () => {
  const more = join(scratch, "more");
  for (const name of ["cat", "dog"]) {
    await mkdir(join(more, name), { recursive: true });
    for (let i = 0; i < 11; i++) await writeFile(join(more, name, `${i}.ppm`), "P6 1 1 255 abc");
  }
  const ran = await evaluate(copied("divided"), more);
  expect([ran.code, counted(ran.stdout)]).toEqual([0, 22]);
  expect(ran.stderr).toContain(`--split ${copied("divided")} measures on what the run held out.`);
});

it("says that a list of the images by longer paths may hold images of the training", async () => {
  const rows = ["cat", "dog"].flatMap((name) =>
    Array.from({ length: 10 }, (_, i) => `photos/${name}/${i}.ppm,${name}`),
  );
  const list = join(scratch, "all.csv");
  await writeFile(list, ["path,label", ...rows, ""].join("\n"));
  const ran = await evaluate(copied("divided"), list);
  expect([ran.code, counted(ran.stdout)]).toEqual([0, 20]);
  expect(ran.stderr).toMatch(
    /all.csv" has images that are called, below other folders, as .*training images may be among/,
  );
});

it("warns that nothing was held out, but not for data that the run was not trained on", async () => {
  const ran = await evaluate(copied("whole"));
  expect([counted(ran.stdout), ran.stderr]).toEqual([20, expect.stringContaining("held none out, so this is not")]);
  const others = join(scratch, "others");
  for (const name of ["cat", "dog"]) {
    await mkdir(join(others, name), { recursive: true });
    await writeFile(join(others, name, "new.ppm"), "P6 1 1 255 abc");
  }
  for (const name of ["whole", "divided"]) expect((await evaluate(copied(name), others, "--json")).stderr).toBe("");
});

it("trusts the weights, not the run whose folder they were copied into", async () => {
  const other = join(scratch, "runs/whole/other.safetensors");
  await copyFile(copied("divided"), other);
  expect(counted((await evaluate(other)).stdout)).toBe(4);
});

it("reports that weights of an earlier version do not record it", async () => {
  const { tensors, metadata } = await loadWeights(copied("divided"));
  const { "deit.data": _, ...rest } = metadata;
  const older = join(scratch, "older.safetensors");
  await writeSafetensors(older, tensors, rest);
  const ran = await evaluate(older);
  expect([counted(ran.stdout), ran.stderr]).toEqual([20, expect.stringContaining("does not say which images")]);
  await writeSafetensors(older, tensors, { ...rest, "deit.data": "{}" });
  expect(await evaluate(older)).toMatchObject({ code: 4, stderr: expect.stringContaining("is damaged; take another") });
});

it("warns that the initial weights of a new run were trained on its evaluation images", async () => {
  const start = (share: string) => {
    const from = ["--finetune", copied("divided"), "--output", join(scratch, "runs", `from-${share}`)];
    return deit(["train", "small-data", data(), "--split", share, ...from, ...settings]);
  };
  const told = async (share: string) => (await start(share)).stderr.replaceAll(/\s+/g, " ");
  expect(await told("0.5")).toMatch(
    /6 of the 10 images that this run is evaluated on were not held out when "[^"]*divid/,
  );
  expect(await told("0.2")).not.toContain("were not held out");
});
