/** The commands, run as programs. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandPaths, helpOf } from "../docs/samples.js";
import { deit, root } from "./run.js";

const images = join(root, "tests/fixtures/images");
const data = join(root, "tests/fixtures/data");
const microRecipe = ["imageSize=32", "patchSize=8", "width=32", "depth=1", "heads=2", "warmupEpochs=0"];
const commands = (await commandPaths()).filter((path) => path.length > 0).map((path) => path.join(" "));
let scratch: string;
let run: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-cli-"));
  run = join(scratch, "run");
  const trained = await deit([
    "train",
    "procedural:32:64",
    "--validation",
    "procedural:32:32",
    "--output",
    run,
    "--epochs",
    "1",
    "--batch-size",
    "16",
    "--json",
    "--set",
    "model=deit",
    ...microRecipe,
  ]);
  expect(trained.stderr).toBe("");
  expect(JSON.parse(trained.stdout)).toMatchObject({ folder: run, classes: 10, interrupted: false });
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe("help", () => {
  it("of deit itself names every command", async () => {
    const { code, stdout } = await deit(["--help"]);
    expect(code).toBe(0);
    const named = [...stdout.matchAll(/^ {2}([a-z-]+) /gm)].map(([, name]) => name);
    expect(named).toEqual(expect.arrayContaining(commands.filter((name) => !name.includes(" "))));
  });
  it.each(commands)("deit %s --help shows an example", async (name) => {
    const isGroup = commands.some((other) => other.startsWith(`${name} `));
    if (!isGroup) expect(await helpOf(name.split(" "))).toMatch(new RegExp(`Examples?:\\n +deit ${name}\\b`));
    else expect(await helpOf([name])).toContain("Commands:");
  });
  it("names the nearest for a wrong command or option, with exit code 2", async () => {
    const command = await deit(["trian"]);
    expect([command.code, command.stderr]).toEqual([2, expect.stringContaining("Did you mean train?")]);
    const option = await deit(["models", "--jsno"]);
    expect([option.code, option.stderr]).toEqual([2, expect.stringContaining("Did you mean --json?")]);
  });
  it("reports a mistyped option before a missing one, and suggests only similar names", async () => {
    const typo = await deit(["predict", "x.jpg", "--weight", "y"]);
    expect([typo.code, typo.stderr]).toEqual([2, "deit: unknown option '--weight'\n(Did you mean --weights?)\n"]);
    const other = await deit(["train", "x", "--opt", "sgd"]);
    expect([other.code, other.stderr]).toEqual([2, "deit: unknown option '--opt'\n"]);
  });
});

describe("output whose reader has gone", () => {
  it("ends the program quietly, with the code of a broken pipe", async () => {
    const script = `set -o pipefail; "${process.execPath}" "${join(root, "bin/deit.js")}" models --help | true; echo $?`;
    expect(await promisify(execFile)("bash", ["-c", script])).toEqual({ stdout: "141\n", stderr: "" });
  });
});

describe("commands for machines", () => {
  it("deit models --json", async () => {
    const rows = JSON.parse((await deit(["models", "--json"])).stdout);
    expect(rows).toContainEqual({
      name: "deit_tiny_patch16_224",
      imageSize: 224,
      parameters: 5717416,
      distilled: false,
      imagenetTop1: 72.2,
      imagenetTop1After21k: null,
    });
  });
  it("deit doctor --json", async () => {
    const report = JSON.parse((await deit(["doctor", "--json"])).stdout);
    expect(report.engines[0]).toMatchObject({ engine: "onnx", works: true });
  });
  it("deit evaluate --head distillation refuses a model with one head", async () => {
    const ran = await deit(["evaluate", "--weights", run, "--data", "procedural:32:40", "--head", "distillation"]);
    expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining("have one head, that of the class token")]);
  });
  it("deit evaluate --json on a run folder", async () => {
    const { stdout } = await deit(["evaluate", "--weights", run, "--data", "procedural:32:40", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ images: 40, model: "deit" });
  });
  it("deit evaluate --tta says what it averages, and how many crops that is", async () => {
    const evaluate = ["evaluate", "--weights", run, "--data", "procedural:32:40", "--tta"];
    const { stdout } = await deit([...evaluate, "scales,flip", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ images: 40, tta: ["scales", "flip"], crops: 6 });
    const refused = await deit([...evaluate, "mirror"]);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("flip, crops, scales, or several")]);
  });
});

describe("deit predict", () => {
  it("answers for files, folders and globs", async () => {
    const folder = join(scratch, "photos");
    await mkdir(join(folder, "deep"), { recursive: true });
    await copyFile(join(images, "plain.png"), join(folder, "a.png"));
    await copyFile(join(images, "plain.jpg"), join(folder, "deep", "b b.jpg"));
    const { code, stdout } = await deit([
      "predict",
      join(images, "grey.png"),
      folder,
      join(images, "pl*.webp"),
      "--weights",
      run,
      "--top",
      "2",
      "--json",
    ]);
    expect(code).toBe(0);
    const lines = stdout
      .trim()
      .split("\n")
      .map((l) => JSON.parse(l));
    expect(lines.map((l) => l.image.split("/").at(-1))).toEqual(["grey.png", "a.png", "b b.jpg", "plain.webp"]);
    for (const l of lines) expect(l.predictions).toHaveLength(2);
    expect(lines[0].predictions[0].class).toMatch(/^[a-z]+$/);
  });
  it("reads an image, or a list of paths, from standard input", async () => {
    const one = await deit(["predict", "-", "--weights", run, "--json"], {
      input: await readFile(join(images, "plain.png")),
    });
    expect(JSON.parse(one.stdout).image).toBe("standard input");
    const list = await deit(["predict", "@-", "--weights", run, "--json"], {
      input: Buffer.from(`${images}/plain.png\n${images}/alpha.png\n`),
    });
    expect(list.stdout.trim().split("\n")).toHaveLength(2);
  });
  it("answers for datasets, each image under its key", async () => {
    const shards = join(scratch, "shards");
    await mkdir(shards);
    await copyFile(join(data, "shard-pax.tar"), join(shards, "train-000.tar"));
    const named = async (...args: string[]) => {
      const { code, stderr, stdout } = await deit(["predict", ...args, "--weights", run, "--json"]);
      expect([code, stderr]).toEqual([0, ""]);
      return stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).image);
    };
    const keys = await named(join(shards, "train-000.tar"));
    expect(keys.length).toBeGreaterThan(1);
    expect(await named(shards)).toEqual(keys);
    expect(await named("procedural:32:2", join(images, "plain.png"), join(data, "plain.parquet"))).toEqual([
      ...["test 0", "test 1", join(images, "plain.png")],
      ...["plain.parquet row 0", "plain.parquet row 1", "plain.parquet row 2"],
    ]);
  });
});

/** One sentence on standard error that fits, and a code other than 0. */
async function fails(args: readonly string[], message: RegExp, code: number): Promise<void> {
  const ran = await deit(args);
  expect(ran.stderr).toMatch(message);
  expect(ran.stderr).not.toMatch(/\n\s+at /);
  expect(ran.code).toBe(code);
}

describe("bad input", () => {
  const predict = (file: string) => ["predict", file, "--weights", run];
  it("a missing file", () =>
    fails(predict("none.jpg"), /^deit: Cannot read "none\.jpg": it does not exist; check the path\.\n$/, 4));
  it("a file that is not an image", () =>
    fails(predict(join(images, "generate.py")), /generate\.py" is not an image that can be read/, 4));
  it("a truncated JPEG", () => fails(predict(join(images, "truncated.jpg")), /truncated\.jpg" is cut short/, 4));
  it("one bad image among good ones does not prevent predictions for the others", async () => {
    const ran = await deit([
      "predict",
      join(images, "truncated.jpg"),
      join(images, "plain.png"),
      "--weights",
      run,
      "--json",
    ]);
    expect(JSON.parse(ran.stdout).image).toContain("plain.png");
    expect([ran.code, ran.stderr]).toEqual([4, expect.stringContaining("cut short")]);
  });
  it("an image of one pixel is fine", async () => {
    expect((await deit(predict(join(images, "one_pixel.png")))).code).toBe(0);
  });
  it("missing weights", () =>
    fails(["predict", "x.jpg", "--weights", "none.safetensors"], /Cannot read the weights in "none\.safetensors"/, 4));
  it("files that are not weights", () =>
    fails(
      ["predict", "x.jpg", "--weights", join(images, "plain.png")],
      /plain\.png" is a PNG picture; name a file of weights/,
      4,
    ));
  it("weights without a model's name", () =>
    fails(
      ["predict", "x.jpg", "--weights", join(root, "tests/fixtures/weights/reference.safetensors")],
      /does not say which model it is; name it with --model/,
      2,
    ));
  it.each(["tokens", "agreement", "throughput"])("the same of %s, which has no option for it", (command) =>
    fails(
      [
        ...[command, join(root, "tests/fixtures/weights/reference.safetensors")],
        ...(command === "throughput" ? [] : ["--data", "procedural:8"]),
      ],
      /does not say which model it is; name it with MODEL:WEIGHTS/,
      2,
    ),
  );
  it("weights of another architecture", () =>
    fails(
      ["predict", "x.jpg", "--weights", join(run, "best.safetensors"), "--model", "deit_small_patch16_224"],
      /are not those of deit_small_patch16_224: only 20 of its 152 parameters/,
      5,
    ));
  it("a different number of class names", async () => {
    await writeFile(join(scratch, "two.txt"), "a\nb\n");
    await fails(
      ["predict", "x.jpg", "--weights", run, "--classes", join(scratch, "two.txt")],
      /2 class names were given, but the weights .* have 10 classes/,
      2,
    );
  });
  it("a missing data folder", () => fails(["train", "none"], /Cannot read the data in "none": it does not exist/, 4));
  it("an empty class", async () => {
    await mkdir(join(scratch, "empty/a"), { recursive: true });
    await fails(["train", join(scratch, "empty")], /The class folder ".*empty\/a" holds no images/, 4);
  });
  it("bad images: all of them, before the first step, and nothing is written", async () => {
    const data = join(scratch, "bad");
    for (const c of ["a", "b"]) await mkdir(join(data, c), { recursive: true });
    await copyFile(join(images, "truncated.jpg"), join(data, "a/1.jpg"));
    await copyFile(join(images, "generate.py"), join(data, "b/2.png"));
    for (let i = 0; i < 4; i++) await copyFile(join(images, "plain.png"), join(data, `a/${i}.png`));
    const output = join(scratch, "bad-run");
    const train = [
      "train",
      data,
      "--output",
      output,
      "--epochs",
      "1",
      "--batch-size",
      "4",
      "--split",
      "given",
      "--set",
      "model=deit",
      ...microRecipe,
    ];
    const ran = await deit(train);
    expect([ran.code, ran.stderr]).toEqual([
      4,
      expect.stringMatching(
        /2 of 6 images cannot be read; .*--on-bad-image skip:\n.*1\.jpg" is cut short.*\n.*2\.png" is not an image/,
      ),
    ]);
    expect(existsSync(output)).toBe(false);
    expect((await deit([...train, "--on-bad-image", "skip"])).code).toBe(0);
  });
  it("a wrong recipe", () =>
    fails(["train", "procedural", "--set", "epoch=3"], /has no setting "epoch"; did you mean "epochs"\?/, 2));
  it("a wrong option value", () =>
    fails(["train", "procedural", "--epochs", "x"], /It must be a whole number, 1 or more/, 2));
  it("a loss that is not a number", () =>
    fails(
      [
        "train",
        "procedural:32:64",
        "--validation",
        "procedural:32:32",
        "--output",
        join(scratch, "nan"),
        "--epochs",
        "9",
        "--batch-size",
        "16",
        "--set",
        "model=deit",
        ...microRecipe,
        "lr=1e30",
        "optimizer=sgd",
        "scaleLr=false",
      ],
      /became infinite or NaN at step \d+/,
      7,
    ));
  it("a run folder that cannot be made", () =>
    fails(
      ["train", "procedural:32:64", "--output", join(images, "plain.png/run"), "--batch-size", "16"],
      /Cannot create the run folder ".*plain\.png\/run": ".*plain\.png" is a file; choose another/,
      4,
    ));
  it("a folder of answers that cannot be made: teaching ends, with its readers of images", () =>
    fails(
      [
        ...["teach", "procedural:32:64", "--output", join(images, "plain.png/answers"), "--epochs", "1"],
        ...["--batch-size", "16", "--set", "model=deit", ...microRecipe],
        ...["distillation=hard", "teacher=deit", `teacherWeights=${run}`],
      ],
      /Cannot create the folder of answers ".*plain\.png\/answers": ".*plain\.png" is a file; choose another/,
      4,
    ));
  it.runIf(existsSync("/dev/full"))("output to a disk without space", async () => {
    // /dev/full answers every write with "no space left".
    const script = `"${process.execPath}" "${join(root, "bin/deit.js")}" models --json > /dev/full; echo $?`;
    expect(await promisify(execFile)("bash", ["-c", script])).toEqual({
      stdout: "4\n",
      stderr: "deit: The result could not be written to standard output: the disk is full; free some space.\n",
    });
  });
});

describe("interruption", () => {
  it("ends with 130, keeps what is finished and says how to continue", async () => {
    const output = join(scratch, "interrupted");
    const settings = [
      "--output",
      output,
      "--epochs",
      "500",
      "--batch-size",
      "16",
      "--set",
      "model=deit",
      ...microRecipe,
    ];
    const ran = await deit(["train", "procedural:32:64", "--validation", "procedural:32:32", ...settings], {
      interruptAt: /epoch 2:/,
    });
    expect(ran.code).toBe(130);
    expect(ran.stderr).toContain("--resume");
    expect(await readdir(output)).toEqual(
      expect.arrayContaining(["best.safetensors", "last.safetensors", "log.jsonl", "recipe.json", "state.safetensors"]),
    );
  });
});
