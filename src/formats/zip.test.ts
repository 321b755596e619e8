import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FileError } from "../errors/errors.js";
import { ZipFile } from "./zip.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deit-zip-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** crc32 of "123456789" is the check value published with the polynomial. */
const checkValue = 0xcbf43926;

interface Item {
  readonly name: string;
  readonly data: Buffer;
  readonly crc: number;
  readonly method?: 0 | 8;
  readonly flags?: number;
  readonly mode?: number;
  readonly size?: number;
}

/** A separate writer, so that the reader is not tested against itself. */
function zip(items: readonly Item[]): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const { name, data, crc, method = 0, flags = 0, mode = 0, size = data.length } of items) {
    const packed = method === 8 ? deflateRawSync(data) : data;
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(Buffer.byteLength(name), 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(flags, 8);
    central.writeUInt16LE(method, 10);
    central.writeUInt32LE(crc, 16);
    central.writeUInt32LE(packed.length, 20);
    central.writeUInt32LE(size, 24);
    central.writeUInt16LE(Buffer.byteLength(name), 28);
    central.writeUInt32LE((mode << 16) >>> 0, 38);
    central.writeUInt32LE(offset, 42);
    locals.push(local, Buffer.from(name), packed);
    centrals.push(central, Buffer.from(name));
    offset += 30 + Buffer.byteLength(name) + packed.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(items.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

let counter = 0;
async function opened(bytes: Buffer): Promise<ZipFile> {
  const path = join(folder, `${counter++}.zip`);
  await writeFile(path, bytes);
  return ZipFile.open(path);
}
const digits = { name: "a/digits.txt", data: Buffer.from("123456789"), crc: checkValue };

describe("ZipFile", () => {
  it("reads stored and deflated entries and unpacks them", async () => {
    const archive = await opened(zip([digits, { ...digits, name: "b.txt", method: 8 }]));
    expect([...archive.entries.values()].map((e) => e.method)).toEqual(["stored", "deflated"]);
    expect((await archive.read("a/digits.txt")).toString()).toBe("123456789");
    expect((await archive.read("b.txt")).toString()).toBe("123456789");
    const out = join(folder, "out");
    await mkdir(out);
    await archive.extract(out, (e) => e.name.startsWith("a/"));
    expect(await readdir(out)).toEqual(["a"]);
    expect(await readFile(join(out, "a/digits.txt"), "utf8")).toBe("123456789");
    await archive.close();
  });

  it("gives the offset of stored data in the file", async () => {
    const archive = await opened(zip([digits]));
    const at = await archive.dataOffset(archive.entries.get("a/digits.txt")!);
    expect((await readFile(archive.path)).toString("utf8", at, at + 9)).toBe("123456789");
    await archive.close();
  });

  it.each(["../evil", "/etc/passwd", "a/../../b", "c:evil", "a\\..\\b", "./x", ""])(
    "refuses the name %j",
    async (name) => {
      await expect(opened(zip([{ ...digits, name }]))).rejects.toThrow(/leads outside/);
    },
  );

  it("refuses links, encryption, duplicate names and unknown methods", async () => {
    await expect(opened(zip([{ ...digits, mode: 0o120777 }]))).rejects.toThrow(/symbolic link/);
    await expect(opened(zip([{ ...digits, flags: 1 }]))).rejects.toThrow(/encrypted/);
    await expect(opened(zip([digits, digits]))).rejects.toThrow(/twice/);
  });

  it("notices changed, short and long content", async () => {
    const changed = await opened(zip([{ ...digits, crc: 1 }]));
    await expect(changed.read("a/digits.txt")).rejects.toThrow(/checksum/);
    const bomb = await opened(zip([{ ...digits, data: Buffer.alloc(1 << 20), method: 8, size: 10 }]));
    await expect(bomb.read("a/digits.txt")).rejects.toThrow(/longer than its 10 bytes/);
    await changed.close();
    await bomb.close();
  });

  it("reads zip64 sizes", async () => {
    const plain = zip([digits]);
    const extra = Buffer.alloc(28);
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(24, 2);
    extra.writeBigUInt64LE(9n, 4);
    extra.writeBigUInt64LE(9n, 12);
    extra.writeBigUInt64LE(0n, 20);
    const centralAt = 30 + 12 + 9;
    const central = Buffer.from(plain.subarray(centralAt, centralAt + 46 + 12));
    for (const field of [20, 24, 42]) central.writeUInt32LE(0xffffffff, field);
    central.writeUInt16LE(extra.length, 30);
    const record = Buffer.alloc(56);
    record.writeUInt32LE(0x06064b50, 0);
    record.writeBigUInt64LE(1n, 32);
    record.writeBigUInt64LE(BigInt(central.length + extra.length), 40);
    record.writeBigUInt64LE(BigInt(centralAt), 48);
    const locator = Buffer.alloc(20);
    locator.writeUInt32LE(0x07064b50, 0);
    locator.writeBigUInt64LE(BigInt(centralAt + central.length + extra.length), 8);
    const end = Buffer.alloc(22, 0xff);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(0, 20);
    const archive = await opened(Buffer.concat([plain.subarray(0, centralAt), central, extra, record, locator, end]));
    expect((await archive.read("a/digits.txt")).toString()).toBe("123456789");
    await archive.close();
  });

  it("answers any damage with a FileError", async () => {
    const good = zip([digits, { ...digits, name: "b.txt", method: 8 }]);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(good.length - 1),
        fc.integer({ min: 0, max: 255 }),
        fc.nat(good.length),
        async (at, value, cut) => {
          const bytes = Buffer.from(good.subarray(0, cut));
          if (at < bytes.length) bytes[at] = value;
          try {
            const archive = await opened(bytes);
            try {
              for (const name of archive.entries.keys()) await archive.read(name);
            } finally {
              await archive.close();
            }
          } catch (error) {
            expect(error).toBeInstanceOf(FileError);
          }
        },
      ),
      { numRuns: 200, seed: 1 },
    );
  });
});
