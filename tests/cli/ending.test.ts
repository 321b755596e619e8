/** Ends that are not the usual one: output that goes away, signals, wrong places to write. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deit, root } from "./run.js";

let scratch = "";
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-ending-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const small = [
  ...["--set", "model=deit", "imageSize=16", "patchSize=4", "width=24", "depth=1", "heads=2", "batchSize=32"],
  ...["warmupEpochs=0", "repeatedAugmentation=1", "procedural:16:64", "--epochs", "2"],
];

/** The exit code that a shell reports. */
function shell(command: string): Promise<number | null> {
  return new Promise((resolve) => spawn("sh", ["-c", command]).on("close", resolve));
}
const program = `${process.execPath} ${join(root, "bin/deit.js")}`;
const quoted = (words: readonly string[]) => words.map((word) => `'${word}'`).join(" ");

it.skipIf(process.platform !== "linux")(
  "trains to the end on a full disk of output, and says so by its code",
  async () => {
    const output = join(scratch, "full");
    expect(await shell(`${program} train ${quoted([...small, "--output", output])} >/dev/full 2>&1`)).toBe(4);
    expect(existsSync(join(output, "last.safetensors"))).toBe(true);
  },
);

it("trains to the end if nobody reads its events", async () => {
  const output = join(scratch, "unread");
  const command = `${program} train ${quoted([...small, "--output", output])} 2>&1; echo $? >'${scratch}/code'`;
  await shell(`{ ${command}; } | true`);
  expect(existsSync(join(output, "last.safetensors"))).toBe(true);
});

it("takes the words after the values of --set for arguments, and no file for a folder", async () => {
  const file = join(scratch, "file");
  await writeFile(file, "");
  const ran = await deit(["train", ...small, "--output", file]);
  expect([ran.code, ran.stderr]).toEqual([4, expect.stringContaining("a file has that name; choose another.")]);
});

it.each([
  [["data", "check", "procedural:16:64", "--html", "/missing/x.html"], /no folder "\/missing"/],
  [["throughput", "deit", "--plot", "/missing/x.svg"], /no folder "\/missing"/],
])("refuses an output that cannot be written before the work begins", async (args, sentence) => {
  const ran = await deit(args);
  expect([ran.code, ran.stderr, ran.stdout]).toEqual([4, expect.stringMatching(sentence), ""]);
});

it("does not write among the images", async () => {
  const ran = await deit(["train", join(root, "src"), "--output", join(root, "src", "cli"), "--print-recipe"]);
  expect(ran.stderr).not.toContain("error:");
  const refused = await deit(["teach", join(root, "recipes/small-data.json"), scratch, "--output", scratch]);
  expect(refused.stderr).toMatch(/^deit: /);
});

describe("data in the folder at hand", () => {
  const photos = () => join(scratch, "photos");
  const sizes = ["imageSize=16", "patchSize=4", "width=24", "depth=1", "heads=2", "batchSize=4", "warmupEpochs=0"];
  const train = (...args: readonly string[]) =>
    deit(["train", "small-data", ".", ...args, "--set", "model=deit", ...sizes, "epochs=1", "repeatedAugmentation=1"], {
      cwd: photos(),
    });
  beforeAll(async () => {
    for (const name of ["cat", "dog"]) {
      await mkdir(join(photos(), name), { recursive: true });
      for (let i = 0; i < 8; i++) await writeFile(join(photos(), name, `${i}.ppm`), "P6 1 1 255 abc");
    }
  });

  it("is trained on, with its runs in it, which are no class", async () => {
    const dry = await train("--dry-run");
    expect([dry.code, existsSync(join(photos(), "runs"))]).toEqual([0, false]);
    expect(await train()).toMatchObject({ code: 0, stdout: expect.stringContaining("run folder: runs/photos") });
    expect(await train("--output", "runs/second")).toMatchObject({ code: 0 });
    const info = JSON.parse((await deit(["data", "info", ".", "--json"], { cwd: photos() })).stdout);
    expect(JSON.stringify(info)).not.toContain("runs");
    const measured = await deit(["evaluate", "--weights", "runs/second", "--data", "."], { cwd: photos() });
    expect(measured.stderr).toContain('is what the run "runs/second" was trained on');
  });

  it("is refused if its runs would be taken for a class", async () => {
    const refused = {
      code: 2,
      stderr: expect.stringMatching(/would be inside .* such as --output \.\.\/runs\/x\.\n$/),
    };
    expect(await train("--output", "x")).toMatchObject(refused);
    await rm(join(photos(), "runs"), { recursive: true });
    await mkdir(join(photos(), "runs"));
    for (let i = 0; i < 8; i++) await writeFile(join(photos(), "runs", `${i}.ppm`), "P6 1 1 255 abc");
    expect(await train("--output", "runs/x")).toMatchObject(refused);
  });
});

it("warns that a test split contains images that a run was trained on", async () => {
  const [data, output] = [join(scratch, "divided"), join(scratch, "division")];
  const pixels = Buffer.from("P6 1 1 255 abc");
  for (const name of ["cat", "dog"]) {
    await mkdir(join(data, name), { recursive: true });
    for (let i = 0; i < 10; i++) await writeFile(join(data, name, `${i}.ppm`), pixels);
  }
  const settings = ["imageSize=16", "patchSize=4", "width=24", "depth=1", "heads=2", "batchSize=4", "warmupEpochs=0"];
  const recipe = ["--set", "model=deit", ...settings, "epochs=1", "repeatedAugmentation=1"];
  expect((await deit(["train", "small-data", data, "--output", output, "--split", "0.2", ...recipe])).code).toBe(0);
  const evaluate = (split: string) => deit(["evaluate", "--weights", output, "--data", data, "--split", split]);
  const [same, other] = [await evaluate("0.2"), await evaluate("0.5")];
  expect([same.code, same.stderr]).toEqual([0, expect.not.stringContaining("held out")]);
  // The same hashes order the images: the 2 of each class that were set aside are among the 5 of this division.
  expect(other.stderr).toContain("6 of the 10 images that --split takes for testing were not held out");
  expect(other.stdout).toMatch(/^deit on 10 images: top-1 \d+\.\d\d %, loss/);
});

it.skipIf(process.platform !== "linux")(
  "asks to be queued again when the warning comes before there is anything to save",
  async () => {
    const output = join(scratch, "warned");
    const child = spawn(process.execPath, [
      join(root, "bin/deit.js"),
      "train",
      ...small,
      "--epochs",
      "2000",
      "--output",
      output,
    ]);
    child.stderr.once("data", () => child.kill("SIGUSR1"));
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(75);
  },
);

/** Runs `deit` and sends a signal as soon as the process listens, before the program is loaded. */
function signalledEarly(signal: NodeJS.Signals, args: readonly string[]): Promise<readonly [number | null, string]> {
  return new Promise((resolve) => {
    // The first module tells when it has been run; the rest is loaded after that.
    const hook = `process.on("newListener", (name) => {
      if (name === "SIGUSR1") queueMicrotask(() => process.kill(process.pid, "${signal}"));
    });`;
    const first = `data:text/javascript,${encodeURIComponent(hook)}`;
    const child = spawn(process.execPath, ["--import", first, join(root, "bin/deit.js"), ...args]);
    let text = "";
    child.stderr.on("data", (chunk) => {
      text += chunk;
    });
    child.on("close", (code, by) => resolve([code, by ?? text]));
  });
}

it.skipIf(process.platform === "win32")("keeps a cluster's warning that comes while it is still loaded", async () => {
  const output = join(scratch, "warned");
  const [code, said] = await signalledEarly("SIGUSR1", ["train", ...small, "--output", output]);
  expect([code, said]).toEqual([75, expect.not.stringContaining("Debugger")]);
});

it.skipIf(process.platform === "win32")("ends at once by a signal that comes while it is still loaded", async () =>
  expect(await signalledEarly("SIGTERM", ["train", ...small])).toEqual([null, "SIGTERM"]),
);

it.skipIf(process.platform !== "linux")("continues under nohup when the terminal is gone", async () => {
  const output = join(scratch, "nohup");
  // What nohup gives for standard input in place of a terminal: /dev/null, for writing only.
  const input = await open("/dev/null", "w");
  const words = [join(root, "bin/deit.js"), "train", ...small, "--output", output];
  const child = spawn(process.execPath, words, { stdio: [input.fd, "ignore", "pipe"] });
  child.stderr?.once("data", () => child.kill("SIGHUP")).resume();
  expect(await new Promise((resolve) => child.on("close", (code, by) => resolve([code, by])))).toEqual([0, null]);
  await input.close();
  expect(existsSync(join(output, "last.safetensors"))).toBe(true);
});
