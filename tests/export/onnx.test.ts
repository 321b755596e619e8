/** Exported ONNX files against logits of timm on PyTorch, run by ONNX Runtime alone. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readOnnxMetadata } from "../../src/engines/onnx/file-metadata.js";
import { exportModel } from "../../src/index.js";
import type { HostTensor } from "../../src/tensor/index.js";
import { deit as command } from "../cli/run.js";
import { describeWithReference as describe } from "../setup/reference-data.js";
import { classNames, type MicroCheckpoint, type MicroName, microCheckpoint, micros } from "./models.js";

let scratch: string;
const made = new Map<MicroName, MicroCheckpoint>();
const names = Object.keys(micros) as MicroName[];

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-export-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function checkpoint(name: MicroName): Promise<MicroCheckpoint> {
  const known = made.get(name) ?? (await microCheckpoint(name, scratch));
  made.set(name, known);
  return known;
}

/** Logits of images `from` to `to`. */
async function logits(path: string, { data, shape }: HostTensor, from: number, to: number): Promise<Float32Array> {
  const session = await InferenceSession.create(path);
  const each = data.length / shape[0];
  const images = new Tensor("float32", (data as Float32Array).slice(from * each, to * each), [
    to - from,
    ...shape.slice(1),
  ]);
  const { logits } = await session.run({ pixel_values: images });
  expect(logits.dims[0]).toBe(to - from);
  await session.release();
  return logits.data as Float32Array;
}

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i])));
};

describe("deit export --to onnx", () => {
  it.each(names)("gives timm's logits for %s, for batches of any size", async (name) => {
    const { path, images, stored } = await checkpoint(name);
    const output = join(scratch, `${name}-onnx`);
    await exportModel({ weights: path, to: "onnx", output });
    const file = join(output, "model.onnx");
    const expected = stored.get("logits")!.data as Float32Array;
    const [batch] = images.shape;
    expect(largestDifference(await logits(file, images, 0, batch), expected)).toBeLessThan(1e-5);
    const each = expected.length / batch;
    expect(largestDifference(await logits(file, images, 1, 2), expected.slice(each, 2 * each))).toBeLessThan(1e-5);
  });

  it.each([
    ["class", "class_logits"],
    ["distillation", "distillation_logits"],
  ] as const)("exports the %s head of a distilled model alone", async (head, key) => {
    const { path, images, stored } = await checkpoint("distilled");
    const output = join(scratch, `head-${head}`);
    await exportModel({ weights: path, to: "onnx", output, head });
    const found = await logits(join(output, "model.onnx"), images, 0, images.shape[0]);
    expect(largestDifference(found, stored.get(key)!.data as Float32Array)).toBeLessThan(1e-5);
  });

  it("states classes, preprocessing and origin in the metadata", async () => {
    const { path } = await checkpoint("plain");
    const output = join(scratch, "described");
    await exportModel({ weights: path, to: "onnx", output, license: "apache-2.0", cropRatio: 0.9 });
    const metadata = await readOnnxMetadata(join(output, "model.onnx"));
    expect(JSON.parse(metadata.get("deit.classes")!)).toEqual(classNames(7));
    expect(JSON.parse(metadata.get("deit.view")!)).toMatchObject({ cropRatio: 0.9, interpolation: "bicubic" });
    expect(metadata.get("deit.imageSize")).toBe("32");
    expect(metadata.get("license")).toBe("apache-2.0");
    expect(metadata.get("deit.source")).toBe("plain.safetensors");
  });

  it("refuses the head that a model lacks, and a folder that holds something, and leaves nothing", async () => {
    const { path } = await checkpoint("plain");
    const before = await readdir(scratch);
    const refused = command([
      "export",
      path,
      "--to",
      "onnx",
      "--output",
      join(scratch, "none"),
      "--head",
      "distillation",
    ]);
    expect(await refused).toMatchObject({ code: 2, stdout: "" });
    expect((await refused).stderr).toContain("--head distillation needs a distillation token with a head");
    const full = await mkdtemp(join(scratch, "full-"));
    await writeFile(join(full, "mine.txt"), "mine");
    const { code, stderr } = await command(["export", path, "--to", "onnx", "--output", full]);
    expect(code).toBe(4);
    expect(stderr).toContain(
      'is not empty (it holds "mine.txt"), and nothing in it is replaced; choose another --output',
    );
    expect((await readdir(scratch)).filter((name) => name !== full.split("/").at(-1))).toEqual(before);
  });
});
