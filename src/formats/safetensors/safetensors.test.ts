import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DeitError } from "../../errors/errors.js";
import { RandomStream } from "../../random/stream.js";
import { type HostTensor, hostTensor } from "../../tensor/index.js";
import { openSafetensors, readSafetensors, writeSafetensors } from "./safetensors.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deit-safetensors-"));
});
afterAll(() => rm(folder, { recursive: true }));

const file = (header: unknown, data = 0, claimed?: number): Buffer => {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(claimed ?? json.length));
  return Buffer.concat([length, json, Buffer.alloc(data)]);
};

describe("safetensors", () => {
  it("returns what was written", async () => {
    const path = join(folder, "round.safetensors");
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string({ minLength: 1 }), fc.array(fc.float({ noNaN: true }), { maxLength: 9 })),
        async (dict) => {
          const tensors = new Map<string, HostTensor>();
          for (const [name, values] of Object.entries(dict)) {
            if (name === "__metadata__") continue;
            tensors.set(name, hostTensor("float32", [values.length], Float32Array.from(values)));
            tensors.set(`${name}.bytes`, hostTensor("uint8", [1], Uint8Array.of(values.length)));
          }
          await writeSafetensors(path, tensors, { note: "ö" });
          const back = await readSafetensors(path);
          expect(back.metadata).toEqual({ note: "ö" });
          expect(new Map([...back.tensors].sort())).toEqual(new Map([...tensors].sort()));
        },
      ),
      { numRuns: 25, seed: 1 },
    );
  });

  it("reads the file that the reference library wrote", async () => {
    const { tensors } = await readSafetensors(
      new URL("../../../tests/fixtures/weights/reference.safetensors", import.meta.url).pathname,
    );
    expect([...tensors.get("a")!.data]).toEqual([0, 1, 2, 3, 4, 5]);
    expect(tensors.get("a")!.shape).toEqual([2, 3]);
    expect([...tensors.get("b")!.data]).toEqual([1n, -1n]);
  });

  const entry = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
    dtype: "F32",
    shape,
    data_offsets: [begin, end],
  });
  it.each([
    ["a header longer than the file", file("{}", 0, 1e12)],
    ["no JSON", file("{nonsense")],
    ["an overlap", file({ a: entry(0, 8), b: entry(4, 12) }, 12)],
    ["a gap", file({ a: entry(0, 4), b: entry(8, 12) }, 12)],
    ["bytes left over", file({ a: entry(0, 4) }, 12)],
    ["a tensor beyond the end", file({ a: entry(0, 400) }, 4)],
    ["a shape of another size", file({ a: entry(0, 8, [3]) }, 8)],
    ["an overflowing shape", file({ a: entry(0, 8, [2 ** 40, 2 ** 40]) }, 8)],
    ["an impossible type", file({ a: { dtype: "f7?", shape: [1], data_offsets: [0, 4] } }, 4)],
    ["a tensor of negative length", file({ a: { dtype: "F8_E5M2", shape: [1], data_offsets: [4, 0] } }, 4)],
    [
      "a name given twice",
      file(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}',
        4,
      ),
    ],
    ["a field given twice", file('{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}', 4)],
    ["deep nesting", file("[".repeat(1000))],
    ["a deeper shape", file({ a: { dtype: "F32", shape: [[1]], data_offsets: [0, 4] } }, 4)],
    ["metadata that are not strings", file({ __metadata__: { a: 1 } })],
    ["metadata that are a list", file({ __metadata__: ["a"] })],
    ["space before the header", file(" {}")],
    ["an unfinished text", file('{"a')],
    ["a negative offset", file({ a: entry(-4, 0) }, 4)],
    ["half a byte", file({ a: { dtype: "U8", shape: [1.5], data_offsets: [0, 1.5] } }, 2)],
    ["a header of broken UTF-8", Buffer.concat([file('{"a'), Buffer.of(0xff)])],
    ["a list for a header", file("[]")],
    ["nothing at all", Buffer.alloc(0)],
  ])("refuses %s", async (name, bytes) => {
    const path = join(folder, `${name}.safetensors`);
    await writeFile(path, bytes);
    await expect(readSafetensors(path)).rejects.toThrow(
      /is not a valid safetensors file: .*; download or export it again\./,
    );
  });

  it("names tensors of types that it does not read, and reads the others", async () => {
    const path = join(folder, "types.safetensors");
    const half = { dtype: "F8_E5M2", shape: [4], data_offsets: [0, 4] };
    await writeFile(
      path,
      file({ half, complex: { ...half, dtype: "C64", shape: [], data_offsets: [4, 12] }, a: entry(12, 20) }, 20),
    );
    const { tensors, unread } = await readSafetensors(path);
    expect([...tensors.keys()]).toEqual(["a"]);
    expect(Object.fromEntries(unread)).toEqual({ half: "F8_E5M2", complex: "C64" });
  });

  it("accepts names that are special in JavaScript, and spaces after the header", async () => {
    const path = join(folder, "names.safetensors");
    const tensors = new Map(
      ["__proto__", "constructor", "0", "toString", "", "\u202e\n"].map((n) => [
        n,
        hostTensor("uint8", [1], Uint8Array.of(n.length)),
      ]),
    );
    await writeSafetensors(path, tensors, JSON.parse('{"__proto__":"kept"}'));
    const back = await readSafetensors(path);
    expect(new Map([...back.tensors].sort())).toEqual(new Map([...tensors].sort()));
    expect(Object.entries(back.metadata)).toEqual([["__proto__", "kept"]]);
    await writeFile(path, file('{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}   ', 1));
    expect((await readSafetensors(path)).tensors.size).toBe(1);
  });

  it("writes the bytes the reference library writes", async () => {
    const reference = new URL("../../../tests/fixtures/weights/reference.safetensors", import.meta.url).pathname;
    const { tensors, metadata } = await readSafetensors(reference);
    const path = join(folder, "again.safetensors");
    await writeSafetensors(path, tensors, metadata);
    expect((await readFile(path)).equals(await readFile(reference))).toBe(true);
  });

  it("shows hostile names on one short line", async () => {
    const path = join(folder, "hostile.safetensors");
    await writeFile(
      path,
      file({ ["\u001b[2J\n".repeat(5000)]: { dtype: "F32", shape: [1], data_offsets: [0, 1] } }, 1),
    );
    const error = await readSafetensors(path).catch((e: Error) => e as Error);
    expect((error as Error).message).toMatch(/^[\x20-\x7e…]{1,900}$/);
  });

  it("refuses a tensor with the name of the metadata", async () => {
    const tensors = new Map([["__metadata__", hostTensor("uint8", [1], Uint8Array.of(1))]]);
    await expect(writeSafetensors(join(folder, "meta.safetensors"), tensors)).rejects.toThrow("cannot be named");
  });

  it("answers every mutation with a clean error or with tensors", async () => {
    const path = join(folder, "mutated.safetensors");
    await writeSafetensors(path, new Map([["w", hostTensor("float32", [4], new Float32Array(4))]]));
    const original = await readFile(path);
    const stream = new RandomStream({ seed: 0, purpose: "mutations" });
    for (let i = 0; i < 300; i++) {
      const bytes = Buffer.from(original);
      for (let k = 0; k <= stream.integer(3); k++) bytes[stream.integer(bytes.length)] = stream.integer(256);
      await writeFile(path, bytes);
      await readSafetensors(path).catch((error: unknown) => expect(error).toBeInstanceOf(DeitError));
    }
  });

  it("keeps the old file when writing fails, and leaves no temporary one", async () => {
    const path = join(folder, "kept.safetensors");
    await writeSafetensors(path, new Map([["w", hostTensor("float32", [1], Float32Array.of(5))]]));
    const broken = {
      dtype: "float32",
      shape: [1],
      get data(): never {
        throw new Error("lost");
      },
    } as unknown as HostTensor;
    await expect(writeSafetensors(path, new Map([["w", broken]]))).rejects.toThrow();
    expect([...(await (await openSafetensors(path)).read("w")).data]).toEqual([5]);
    expect((await readdir(folder)).filter((n) => n.endsWith(".tmp"))).toEqual([]);
  });
});
