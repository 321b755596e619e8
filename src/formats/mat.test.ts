import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { expect, it } from "vitest";
import { DeitError } from "../errors/errors.js";
import { RandomStream } from "../random/stream.js";
import { parseMat, readMat } from "./mat.js";

const fixture = (name: string) => new URL(`../../tests/fixtures/data/${name}.mat`, import.meta.url).pathname;

it.each(["plain", "compressed"])("reads files of scipy (%s)", async (name) => {
  const found = await readMat(fixture(name), ["labels", "real", "text", "names", "synsets"]);
  expect(await readMat(fixture(name), ["text"])).toEqual(new Map([["text", "häuser"]]));
  expect(found.get("labels")).toEqual([1, 77, 102, 300]);
  expect(found.get("real")).toEqual([1.5, 3.25, -2, 1e300]);
  expect(found.get("text")).toBe("häuser");
  expect(found.get("names")).toEqual(["AM General", "Ford F-150"]);
  expect(found.get("synsets")).toEqual(
    ["n02119789", "n02100735", "n99999999"].map(
      (wnid, i) =>
        new Map<string, unknown>([
          ["ILSVRC2012_ID", [i + 1]],
          ["WNID", wnid],
          ["words", `word ${i}, other`],
          ["num_children", [i < 2 ? 0 : 2]],
        ]),
    ),
  );
});

/** A variable `x` with one element of zeros, compressed: a few kilobytes. */
function bomb(kind: number, type: number, mebibytes: number): Buffer {
  const element = (of: number, data: Buffer) => {
    const tag = Buffer.alloc(8);
    tag.writeUInt32LE(of, 0);
    tag.writeUInt32LE(data.length, 4);
    return Buffer.concat([tag, data, Buffer.alloc(-data.length & 7)]);
  };
  const zeros = Buffer.alloc(mebibytes * 2 ** 20);
  const [flags, shape] = [Buffer.from([kind, 0, 0, 0, 0, 0, 0, 0]), Buffer.from([1, 0, 0, 0, 1, 0, 0, 0])];
  const value = kind === 1 ? zeros : element(type, zeros);
  const matrix = element(
    14,
    Buffer.concat([element(6, flags), element(5, shape), element(1, Buffer.from("x")), value]),
  );
  const packed = deflateSync(matrix, { level: 1 });
  const tag = Buffer.alloc(8);
  tag.writeUInt32LE(15, 0);
  tag.writeUInt32LE(packed.length, 4);
  const head = Buffer.alloc(128, " ");
  head.write("MATLAB 5.0 MAT-file");
  head.writeUInt16LE(0x0100, 124);
  head.write("IM", 126, "latin1");
  return Buffer.concat([head, tag, packed]);
}

it("refuses a file that unpacks to more than labels can need, before building anything from it", () => {
  const read = (bytes: Buffer, wanted = "x") => parseMat("x.mat", bytes, [wanted]);
  expect(() => read(bomb(6, 2, 33))).toThrow(/"x\.mat" unpacks to more than 33554432 bytes/);
  expect(() => read(bomb(6, 2, 3))).toThrow(/holds more than 2000000 numbers/);
  expect(() => read(bomb(1, 2, 4))).toThrow(/holds more than 400000 values/);
  expect(read(bomb(6, 2, 3), "y").size).toBe(0);
  const half = bomb(6, 2, 17);
  const several = Buffer.concat([half, half.subarray(128)]);
  expect(() => read(several, "y")).toThrow(/unpacks to more/);
});

it("refuses damaged files, and never fails in any other way", async () => {
  const folder = await mkdtemp(join(tmpdir(), "deit-mat-"));
  const path = join(folder, "x.mat");
  const whole = await readFile(fixture("plain"));
  const stream = new RandomStream({ seed: 3, purpose: "fuzz" });
  let refused = 0;
  for (let i = 0; i < 300; i++) {
    const bytes = Buffer.from(whole);
    for (let k = 0; k <= stream.integer(4); k++) bytes[128 + stream.integer(bytes.length - 128)] = stream.integer(256);
    await writeFile(path, stream.uniform() < 0.2 ? bytes.subarray(0, stream.integer(bytes.length)) : bytes);
    await readMat(path, ["labels", "real", "text", "names", "synsets"]).catch((error: unknown) => {
      expect(error).toBeInstanceOf(DeitError);
      refused++;
    });
  }
  expect(refused).toBeGreaterThan(50);
  await rm(folder, { recursive: true });
});
