/** The commands that look into models, run as programs. */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deit, type Ran, root } from "./run.js";

const micro = ["imageSize=32", "patchSize=8", "width=32", "depth=2", "heads=2", "warmupEpochs=0"];
const data = "procedural:32:24";
let scratch: string;
let plain: string;
let distilled: string;

async function trained(name: string, ...settings: string[]): Promise<string> {
  const output = join(scratch, name);
  const train = ["train", "procedural:32:64", "--validation", data, "--output", output, "--epochs", "1"];
  const ran = await deit([...train, "--batch-size", "16", "--json", "--set", "model=deit", ...micro, ...settings]);
  expect([ran.code, ran.stderr]).toEqual([0, ""]);
  return output;
}

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-analysis-"));
  plain = await trained("plain");
  distilled = await trained("distilled", "distilled=true", "distillation=labels");
}, 60_000);
afterAll(() => rm(scratch, { recursive: true, force: true }));

const json = ({ code, stdout, stderr }: Ran) => {
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout);
};

describe("deit agreement", () => {
  it("compares models, heads and the truth", async () => {
    const found = json(await deit(["agreement", `a=${plain}`, distilled, "--data", data, "--json"]));
    expect(found.images).toBe(24);
    expect(found.names).toEqual(["truth", "a", "distilled", "distilled class", "distilled distillation"]);
    const matrix: number[][] = found.disagreement;
    matrix.forEach((row, i) => {
      expect(row[i]).toBe(0);
      row.forEach((share, j) => {
        expect(share).toBe(matrix[j][i]);
      });
    });
  });
  it("prints a table, and a model beside itself differs on nothing", async () => {
    const { stdout } = await deit(["agreement", plain, plain, "--data", data]);
    expect(stdout).toMatch(/^plain \(2\) +0\.\d+ +0\.000 +0\.000$/m);
  });
  it("takes ONNX classifiers, described by their metadata or by --set", async () => {
    const teachers = join(root, "tests/fixtures/teachers");
    const files = ["first", "last"].map((name) => `${name}=${join(teachers, `channels_${name}.onnx`)}`);
    const args = ["agreement", ...files, distilled, "--data", data, "--json"];
    const unsaid = await deit(args);
    expect([unsaid.code, unsaid.stderr]).toEqual([2, expect.stringContaining("set teacherNormalization to imagenet")]);
    const normalization = 'teacherNormalization={"mean":[0.4,0.5,0.6],"std":[0.2,0.25,0.3]}';
    const told = [normalization, "teacherImageSize=16", `teacherClasses=${join(teachers, "classes.txt")}`];
    const { names, disagreement } = json(await deit([...args, "--set", ...told]));
    const heads = ["distilled", "distilled class", "distilled distillation"];
    expect(names).toEqual(["truth", "first", "last", ...heads]);
    // The same network, channels first and last, as logits and as probabilities.
    expect(disagreement[1][2]).toBe(0);
    expect(disagreement[0][1]).toBeGreaterThan(0);
    const alone = json(await deit(["agreement", files[0], "--data", data, "--json", "--set", "teacherImageSize=16"]));
    expect(alone.disagreement[0][1]).toBe(disagreement[0][1]);
  });
  it("refuses models of other classes", async () => {
    const { code, stderr } = await deit(["agreement", "deit_tiny_patch16_224:missing.pth", plain, "--data", data]);
    expect([code, stderr]).toEqual([4, expect.stringContaining("missing.pth")]);
  });
});

describe("deit tokens", () => {
  it("gives a cosine for each layer and plots them", async () => {
    const plot = join(scratch, "tokens.svg");
    const [found] = json(await deit(["tokens", distilled, "--data", data, "--plot", plot, "--json"]));
    expect(found.layers.map((l: { layer: string }) => l.layer)).toEqual([
      "learned",
      "embedding",
      "block 1",
      "block 2",
      "norm",
    ]);
    for (const { cosine } of found.layers) expect(Math.abs(cosine)).toBeLessThanOrEqual(1);
    expect(await readFile(plot, "utf8")).toMatch(/^<svg.*Cosine of class and distillation token.*<\/svg>$/s);
  });
  it("refuses a model without the token, and a plot it cannot write", async () => {
    const none = await deit(["tokens", plain, "--data", data]);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("no distillation token")]);
    const plot = await deit(["tokens", distilled, "--data", data, "--plot", "tokens.gif"]);
    expect([plot.code, plot.stderr]).toEqual([2, expect.stringContaining(".svg or .png")]);
  });
});

describe("deit throughput", () => {
  it("shows speed with parameters and accuracy: a run's own, or the published one", async () => {
    const plot = join(scratch, "throughput.png");
    const models = ["linear", `mine=${plain}`];
    const args = ["throughput", ...models, "--batch-size", "2", "--runs", "2", "--plot", plot, "--json"];
    const [linear, mine] = json(await deit(args));
    expect(linear).toMatchObject({ name: "linear", batch: 2, runs: 2, parameters: 30730 });
    expect(linear.top1).toBeUndefined();
    expect(mine).toMatchObject({ name: "mine", model: "deit", accuracy: "run", top1: expect.any(Number) });
    expect((await readFile(plot)).subarray(1, 4).toString()).toBe("PNG");
    const listed = JSON.parse((await deit(["models", "--json"])).stdout);
    expect(listed).toContainEqual(expect.objectContaining({ name: "regnety_160", imagenetTop1: 82.9 }));
  });
  it("refuses an invalid batch", async () => {
    const { code, stderr } = await deit(["throughput", "linear", "--batch-size", "many"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("a number of images, fastest or largest")]);
  });
});

describe("deit evaluate", () => {
  /** Folders named by class indices, as ImageNet-V2's: code-point order would put 10 before 2. */
  async function numbered(name: string, indices: readonly number[]): Promise<string> {
    for (const index of indices) {
      await mkdir(join(scratch, name, String(index)), { recursive: true });
      const image = index % 2 ? "plain.png" : "palette.png";
      await copyFile(join(root, "tests/fixtures/images", image), join(scratch, name, String(index), `${index}.png`));
    }
    return join(scratch, name);
  }
  const right = (predictions: { image: string; top5: number[] }[]) =>
    (100 * predictions.filter(({ image, top5 }) => Number(/(\d+)\.png$/.exec(image)![1]) === top5[0]).length) /
    predictions.length;

  it("reads all heads of a distilled model at once", async () => {
    const args = ["evaluate", "--weights", distilled, "--data", data, "--json"];
    const found = json(await deit(args));
    expect(Object.keys(found.heads)).toEqual(["both", "class", "distillation"]);
    expect(found).toMatchObject({ head: "both", ...found.heads.both });
    const asked = json(await deit([...args, "--head", "class"]));
    expect(asked).toMatchObject({ head: "class", ...found.heads.class });
    const { stdout } = await deit(args.filter((a) => a !== "--json"));
    expect(stdout).toMatch(/\n {2}distillation +top-1/);
  });
  it("takes folders that are numbers for class indices", async () => {
    const folder = await numbered("v2", [0, 1, 2, 3, 9]);
    const ran = await deit(["evaluate", "--weights", plain, "--data", folder, "--predictions", "--json"]);
    expect(ran.stderr).toContain(
      `The classes of "v2" are numbers; they are treated as indices of the model's outputs, 0 to 9.`,
    );
    const found = JSON.parse(ran.stdout);
    expect(found.images).toBe(5);
    expect(found.top1).toBeCloseTo(right(found.predictions), 10);
    const beyond = await deit(["evaluate", "--weights", plain, "--data", await numbered("more", [0, 10])]);
    expect([beyond.code, beyond.stderr]).toEqual([
      2,
      expect.stringContaining('"10" of the data is not among the 10 classes'),
    ]);
  });
  it("counts with all right labels of an image", async () => {
    const folder = await numbered("real", [0, 1, 2]);
    const real = join(scratch, "real.json");
    const all = Array.from({ length: 10 }, (_, i) => i);
    await writeFile(real, JSON.stringify({ "0.png": all, "1.png": [], "2.png": all }));
    const args = ["evaluate", "--weights", distilled, "--data", folder, "--real", real, "--json"];
    const found = JSON.parse((await deit(args)).stdout);
    expect(found.real).toEqual({ top1: 100, top5: 100, images: 2 });
    expect(found.heads.class.real.images).toBe(2);
    await writeFile(real, JSON.stringify([[1]]));
    const unknown = await deit(args);
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('no labels for "0/0.png"')]);
  });
});

describe("deit sweep", () => {
  const sweep = ["sweep", "procedural:32:32", "--validation", data, "--set", "model=deit", ...micro, "epochs=1"];
  it("plans combinations of settings and seeds, lists among the values", async () => {
    const vary = ["--vary", "lr=1e-3,2e-3", "betas=[0.9,0.95],[0.9,0.999]", "optimizer=adamw", "--seeds", "0,7"];
    const cells = json(await deit([...sweep, ...vary, "--plan", "--json"]));
    expect(cells).toHaveLength(8);
    expect(cells[7]).toMatchObject({ seed: 7, recipe: { lr: 2e-3, betas: [0.9, 0.999], optimizer: "adamw", seed: 7 } });
  });
  it("writes table and plot, and reports failures at the end", async () => {
    const output = join(scratch, "sweep");
    const grid = join(scratch, "grid.json");
    const variants = { fine: {}, broken: { distillation: "hard", teacherWeights: join(scratch, "none.pth") } };
    await writeFile(grid, JSON.stringify({ variants }));
    const ran = await deit([...sweep, "batchSize=16", "--grid", grid, "--output", output, "--json"]);
    expect([ran.code, ran.stderr]).toEqual([7, expect.stringContaining('1 of 2 runs failed: "broken" with seed 0')]);
    expect(JSON.parse(ran.stdout).rows.map((r: { row: string }) => r.row)).toEqual(["fine", "broken"]);
    expect(await readFile(join(output, "sweep.md"), "utf8")).toMatch(/^\| fine \| [\d.]+ \| [\d.]+ \| 1 \|$/m);
    expect(await readFile(join(output, "sweep.svg"), "utf8")).toContain("grid on procedural");
  });
  it("refuses a sweep over nothing, and invalid seeds", async () => {
    const nothing = await deit(sweep);
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining("nothing to vary")]);
    const seeds = await deit([...sweep, "--seeds", "0,x"]);
    expect([seeds.code, seeds.stderr]).toEqual([2, expect.stringContaining("--seeds")]);
  });
});

describe("help", () => {
  it.each(["sweep", "agreement", "tokens", "throughput"])("deit %s --help shows an example", async (name) => {
    const { code, stdout } = await deit([name, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n +deit ${name}`));
  });
});
