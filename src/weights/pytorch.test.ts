import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DeitError, FileError } from "../errors.js";
import { RandomStream } from "../random/stream.js";
import { loadWeights } from "./load.js";
import { readPickle } from "./pickle.js";
import { readPytorch } from "./pytorch.js";

const fixture = (name: string) => new URL(`../../tests/fixtures/weights/${name}`, import.meta.url).pathname;
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-pickle-"));
});
afterAll(() => rm(scratch, { recursive: true }));

describe("readPytorch", () => {
  it.each(["model.pth", "state_dict.pth", "model_ema.pth", "legacy.pth", "module.pth"])("reads %s", async (name) => {
    const { tensors } = await loadWeights(fixture(name));
    const values = (n: string) => Array.from(tensors.get(n)!.data as Float32Array, Number);
    expect(tensors.get("plain")!.shape).toEqual([4, 6]);
    expect(values("plain")).toEqual(Array.from({ length: 24 }, (_, i) => i));
    expect(tensors.get("transposed")!.shape).toEqual([6, 4]);
    expect(values("transposed").slice(0, 5)).toEqual([0, 6, 12, 18, 1]);
    expect(values("sliced")).toEqual([6, 8, 10, 12, 14, 16]);
    expect(values("ints")).toEqual([1, -2, 3]);
    expect(values("parameter")).toEqual([7]);
    expect(tensors.get("empty")!.shape).toEqual([0, 3]);
    expect(tensors.get("scalar")!.shape).toEqual([]);
    expect(values("scalar")).toEqual([2.5]);
  });

  it("turns all floats into float32 on loading", async () => {
    const { tensors, format } = await loadWeights(fixture("model.pth"));
    expect(format).toBe("pytorch");
    expect([...tensors.get("half")!.data]).toEqual([1.5, -2.25, 65504]);
    expect([...tensors.get("bf16")!.data]).toEqual([1, -3.5]);
    expect([...tensors.get("double")!.data]).toEqual([Math.fround(0.1), Math.fround(0.2)]);
  });

  it.each(["evil.pth", "evil_legacy.pth"])(
    "refuses %s by the name of what it wants, and runs nothing",
    async (name) => {
      await expect(readPytorch(fixture(name))).rejects.toThrow(
        /wants to construct "(posix|os)\.system", which is not allowed/,
      );
      expect(existsSync("/tmp/owned")).toBe(false);
    },
  );

  it("answers every mutation with a clean error or with tensors", async () => {
    const stream = new RandomStream({ seed: 0, purpose: "mutations" });
    for (const name of ["model.pth", "legacy.pth"]) {
      const original = await readFile(fixture(name));
      const path = join(scratch, name);
      for (let i = 0; i < 150; i++) {
        const bytes = Buffer.from(original);
        for (let k = 0; k <= stream.integer(4); k++) bytes[stream.integer(bytes.length)] = stream.integer(256);
        await writeFile(path, stream.uniform() < 0.2 ? bytes.subarray(0, stream.integer(bytes.length)) : bytes);
        await readPytorch(path).catch((error: unknown) => expect(error).toBeInstanceOf(DeitError));
      }
    }
  });
});

describe("readPickle", () => {
  it("reads plain values of several protocols", () => {
    // pickle.dumps({"a": [1, 2.5, None, True], "b": (b"x", -70000)}, protocol=2), written out instruction by instruction.
    const bytes = Buffer.concat([
      Buffer.from([
        0x80, 2, 0x7d, 0x28, 0x58, 1, 0, 0, 0, 0x61, 0x5d, 0x28, 0x4b, 1, 0x47, 0x40, 4, 0, 0, 0, 0, 0, 0, 0x4e, 0x88,
        0x65,
      ]),
      Buffer.from([0x58, 1, 0, 0, 0, 0x62, 0x43, 1, 0x78, 0x4a, 0x90, 0xee, 0xfe, 0xff, 0x86, 0x75, 0x2e]),
    ]);
    const { value, end } = readPickle(bytes);
    expect(value).toEqual(
      new Map<string, unknown>([
        ["a", [1, 2.5, null, true]],
        ["b", [Uint8Array.of(0x78), -70000]],
      ]),
    );
    expect(end).toBe(bytes.length);
  });
});

describe("loadWeights", () => {
  it("says that a file is missing", async () => {
    await expect(loadWeights(join(scratch, "none.pth"))).rejects.toThrow(FileError);
  });
});
