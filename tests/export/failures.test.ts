/** What an export does where something is in its way: it leaves nothing behind, and says what was found. */
import { spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { proceduralDataset } from "../../src/data/sources/procedural.js";
import { exportModel, InterruptedError, initialize, writeSafetensors } from "../../src/index.js";
import { deit } from "../../src/models/deit.js";
import { deit as command, root } from "../cli/run.js";

const config = { imageSize: 32, patchSize: 8, width: 48, depth: 2, heads: 3, classes: 4 };
const names = ['a "quoted" name', "line\nbreak", "emoji 🐱 | <b>*pipe*", "x".repeat(1000)];
let scratch: string;
let weights: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-failures-"));
  weights = join(scratch, "odd.safetensors");
  await writeSafetensors(weights, initialize(deit("deit", config), 3), {
    "deit.model": "deit",
    "deit.config": JSON.stringify(config),
    "deit.classes": JSON.stringify(names),
  });
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe("an export", () => {
  it.each(["onnx", "huggingface", "timm", "transformers"] as const)(
    "keeps class names of any form for %s",
    async (to) => {
      const output = join(scratch, `names-${to}`);
      await exportModel({ weights, to, output, images: 2, quantize: to === "onnx" ? ["int8", "int8"] : undefined });
      const card = await readFile(join(output, "README.md"), "utf8");
      expect(card).toContain(
        `Classes: a "quoted" name, line break, emoji 🐱 \\| \\<b\\>\\*pipe\\*, ${"x".repeat(80)}….`,
      );
      if (to === "onnx")
        return expect((await readdir(output)).filter((name) => name.endsWith(".onnx"))).toHaveLength(2);
      const { id2label, label_names } = JSON.parse(await readFile(join(output, "config.json"), "utf8"));
      expect(label_names ?? Object.values(id2label)).toEqual(names);
    },
  );

  it("finds ranges on images without labels, and on those of other classes", async () => {
    const photos = join(scratch, "photos");
    await mkdir(join(photos, "holiday"), { recursive: true });
    const picture = join(root, "tests/fixtures/images/view.png");
    for (const name of ["IMG_1.png", "IMG_2.png", "holiday/IMG_3.png"]) await copyFile(picture, join(photos, name));
    const output = join(scratch, "calibrated");
    const more = ["--quantize", "int8-static", "--calibration", photos, "--images", "2"];
    const { code, stderr } = await command(["export", weights, "--to", "onnx", "--output", output, ...more]);
    expect(code, stderr).toBe(0);
    const { calibration } = JSON.parse(await readFile(join(output, "verification.json"), "utf8"));
    expect(calibration).toEqual({ images: 3, data: photos });
  });

  it("names the file of the output folder for which there is no room, and leaves nothing", async () => {
    const before = await readdir(scratch);
    const output = join(scratch, "full");
    const args = [join(root, "bin/deit.js"), "export", weights, "--to", "onnx", "--output", output];
    // Blocks of 512 or 1024 bytes: less than the weights.
    const child = spawn("sh", ["-c", 'ulimit -f 100; exec "$0" "$@"', process.execPath, ...args]);
    let told = "";
    child.stderr.on("data", (text) => {
      told += text;
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(told).toContain(`Cannot write "${join(output, "model.onnx")}": `);
    expect(code).toBe(4);
    expect(await readdir(scratch)).toEqual(before);
  });

  it("that is interrupted leaves nothing, whatever it does at the time", async () => {
    const before = await readdir(scratch);
    const data = { ...proceduralDataset({ size: 32, count: 40, split: "train" }), classes: names, label: () => 0 };
    for (const during of ["writing", "measuring"] as const) {
      const controller = new AbortController();
      const stop = (at: "writing" | "measuring") => () => {
        if (at === during) controller.abort();
      };
      const refused = exportModel({
        ...{ weights, to: "huggingface", output: join(scratch, "interrupted"), data, signal: controller.signal },
        ...{ onWriting: stop("writing"), onMeasured: stop("measuring") },
      });
      await expect(refused).rejects.toThrow(InterruptedError);
      expect(await readdir(scratch)).toEqual(before);
    }
  });
});
