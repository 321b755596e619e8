/** The commands on datasets, run as programs. */
import { copyFile, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deit, root } from "./run.js";

const images = join(root, "tests/fixtures/images");
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit data "));
  for (const [to, from] of [
    ["train/a/1.png", "plain.png"],
    ["train/b/2.jpg", "subsampled.jpg"],
    ["test/a/3.png", "plain.png"],
    ["test/b/4.png", "sixteen_bit.png"],
  ]) {
    await mkdir(join(scratch, "leaky", to, ".."), { recursive: true });
    await copyFile(join(images, from), join(scratch, "leaky", to));
  }
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe("deit data check", () => {
  it("reports what is wrong, writes a page, and exits with its own code", async () => {
    const html = join(scratch, "page.html");
    const { code, stdout } = await deit(["data", "check", join(scratch, "leaky"), "--html", html]);
    expect(code).toBe(9);
    expect(stdout).toMatch(/^serious: 1 of the 2 images of test also stands in train: 1 byte for byte\.$/m);
    expect(await readFile(html, "utf8")).toMatch(/^<!doctype html>/);
  });
  it("prints JSON for machines, and nothing else", async () => {
    const { code, stdout, stderr } = await deit(["data", "check", "procedural:16:60", "--json"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toMatchObject({ images: 120, parts: [{ name: "train" }, { name: "test" }] });
  });
  it("reports what is missing, and a page that cannot be written", async () => {
    const missing = await deit(["data", "check", join(scratch, "nowhere")]);
    expect([missing.code, missing.stderr]).toEqual([4, expect.stringMatching(/^deit: Cannot read .* does not exist/)]);
    const page = join(scratch, "no folder", "page.html");
    const unwritten = await deit(["data", "check", "procedural:16:60", "--html", page]);
    expect([unwritten.code, unwritten.stderr]).toEqual([
      4,
      expect.stringContaining(`--html got "${page}", but there is no folder`),
    ]);
  });
});

describe("deit data preview", () => {
  const micro = ["--set", "model=deit", "imageSize=32", "patchSize=8", "width=32", "depth=1", "heads=2"];
  const shown = (output: string, ...more: string[]) =>
    deit(["data", "preview", "procedural:32:40", ...micro, "--batch-size", "20", "-o", output, ...more]);

  it("writes the same picture each time, with a machine-readable description", async () => {
    const [one, two] = [join(scratch, "one.png"), join(scratch, "two.png")];
    const { code, stdout } = await shown(one, "--count", "6", "--json");
    expect(code).toBe(0);
    const { images: listed } = JSON.parse(stdout);
    expect(listed).toHaveLength(6);
    expect(listed[0].labels.reduce((sum: number, l: { weight: number }) => sum + l.weight, 0)).toBeCloseTo(1, 4);
    await shown(two, "--count", "6", "--workers", "0");
    expect(await readFile(one)).toEqual(await readFile(two));
  });
  it("writes a page", async () => {
    const file = join(scratch, "sheet.html");
    expect((await shown(file, "--count", "3")).code).toBe(0);
    expect((await readFile(file, "utf8")).match(/<img /g)).toHaveLength(3);
  });
  it("reports a missing batch, too few images, and a different ending", async () => {
    const beyond = await shown(join(scratch, "x.png"), "--batch", "9");
    expect([beyond.code, beyond.stderr]).toEqual([2, expect.stringContaining("the batches 0 to 1")]);
    const few = await deit([
      "data",
      "preview",
      "procedural:32:40",
      ...micro,
      "--batch-size",
      "64",
      "-o",
      join(scratch, "x.png"),
    ]);
    expect([few.code, few.stderr]).toEqual([4, expect.stringContaining("give a --batch-size")]);
    const ending = await shown(join(scratch, "x.bmp"));
    expect([ending.code, ending.stderr]).toEqual([2, expect.stringContaining(".png or .html")]);
  });
});

describe("deit data pack", () => {
  it("packs all parts, which other commands read, and has nothing to do the second time", async () => {
    const file = join(scratch, "packed.records");
    const pack = ["data", "pack", "procedural:16:60", file, "--raw", "--json"];
    expect(JSON.parse((await deit(pack)).stdout)).toMatchObject({ samples: 120, found: 0, parts: ["train", "test"] });
    expect(JSON.parse((await deit(pack)).stdout)).toMatchObject({ samples: 120, found: 120 });
    const info = async (data: string) => JSON.parse((await deit(["data", "info", data, "--json"])).stdout);
    expect(await info(file)).toEqual(await info("procedural:16:60"));
    expect((await deit(["data", "check", file])).code).toBe(0);
  });
  it.each([
    [["x.tar"], /must end in \.records/],
    [["x.records", "--raw", "--quality", "80"], /--quality is that of JPEG/],
    [["x.records", "--quality", "101"], /from 1 to 100/],
  ])("refuses %j", async (args, message) => {
    const { code, stderr } = await deit(["data", "pack", "procedural:16:60", ...args]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});
