import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { type Header, pack } from "tar-stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { catalogue } from "../../src/data/fetch/catalogue.js";
import { type FilesEntry, fetchDataset } from "../../src/data/fetch/fetch.js";
import { unpackTar } from "../../src/data/fetch/unpack.js";
import { openDataset } from "../../src/data/sources/open.js";

const fixtures = new URL("../fixtures/data/", import.meta.url).pathname;

/** A packed archive of these members. */
async function archive(...members: readonly (readonly [Partial<Header>, string | Buffer])[]): Promise<Buffer> {
  const tar = pack();
  for (const [header, content] of members) tar.entry(header as Header, content);
  tar.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of tar) pieces.push(piece as Buffer);
  return gzipSync(Buffer.concat(pieces));
}

describe("fetchDataset", () => {
  let root: string;
  let server: Server;
  let mirror: string;
  let files: Record<string, Buffer>;
  let cuts: number[];
  const ranges: (string | undefined)[] = [];

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "deit-fetch-"));
    ranges.length = 0;
    cuts = [];
    server = createServer((request, response) => {
      const content = files[(request.url ?? "").split("/").at(-1)!];
      if (!content) return void response.writeHead(404).end();
      ranges.push(request.headers.range);
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, {
        "content-length": content.length - from,
        ...(from > 0 ? { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
      });
      const cut = cuts.shift();
      if (cut === undefined) response.end(content.subarray(from));
      else response.write(content.subarray(from, from + cut), () => setTimeout(() => response.destroy(), 30));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sets`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(root, { recursive: true });
  });

  const md5 = (content: Buffer) => createHash("md5").update(content).digest("hex");
  const entryOf = (name: string, content: Buffer, more: Partial<FilesEntry> = {}): FilesEntry => ({
    about: "",
    home: "",
    kind: "files",
    files: [{ url: `https://example.org/x/${name}`, md5: md5(content), atMost: 1e6, unpack: { strip: 1 } }],
    unpacked: 1e6,
    ...more,
  });

  it("fetches, continues after a cut, checks, unpacks and opens", async () => {
    const bytes = await readFile(`${fixtures}cifar-10-batches-bin/data_batch_1.bin`);
    const content = await archive(
      [{ name: "cifar/", type: "directory" }, ""],
      [{ name: "cifar/data_batch_1.bin" }, bytes],
      [{ name: "cifar/test_batch.bin" }, bytes],
    );
    files = { "c.tar.gz": content };
    cuts = [4000, 2000];
    const folder = join(root, "cifar 10");
    const seen: string[] = [];
    const entry = entryOf("c.tar.gz", content);
    await fetchDataset(entry, folder, { mirror, pause: 1, onProgress: (doing) => seen.push(doing) });
    expect(ranges).toEqual([undefined, "bytes=4000-", "bytes=6000-"]);
    expect((await openDataset(folder, { split: "train" })).length).toBe(3);
    expect(await readdir(root)).toEqual(["cifar 10"]);
    expect(new Set(seen)).toEqual(new Set(["fetching c.tar.gz", "unpacking c.tar.gz"]));
    await expect(fetchDataset(entry, folder, { mirror })).rejects.toThrow("already exists");
  });

  it("refuses a file that is not the expected one, and leaves no partial folder", async () => {
    const content = await archive([{ name: "a/x.txt" }, "x"]);
    files = { "c.tar.gz": Buffer.from(content).fill(1, 20, 30), "d.tar.gz": Buffer.alloc(2e6) };
    const folder = join(root, "set");
    await expect(fetchDataset(entryOf("c.tar.gz", content), folder, { mirror })).rejects.toThrow(/refused: its MD5 is/);
    await expect(fetchDataset(entryOf("d.tar.gz", content), folder, { mirror })).rejects.toThrow(
      "longer than the 1000000",
    );
    await expect(fetchDataset(entryOf("none.tgz", content), folder, { mirror })).rejects.toThrow("status 404");
    expect(await readdir(root)).toEqual(["set.download"]);
  });

  it("keeps what has arrived when it is interrupted, and leaves no partial folder", async () => {
    const content = await archive([{ name: "a/x.txt" }, "x".repeat(100_000)], [{ name: "a/y.txt" }, "y"]);
    files = { "c.tar.gz": content };
    cuts = [100];
    const folder = join(root, "set");
    const entry = entryOf("c.tar.gz", content);
    const stop = (at: string) => {
      const controller = new AbortController();
      const onProgress = (doing: string) => doing.startsWith(at) && controller.abort(new Error("stopped"));
      return fetchDataset(entry, folder, { mirror, pause: 1, signal: controller.signal, onProgress });
    };
    await expect(stop("fetching")).rejects.toThrow("stopped");
    expect(await readdir(root)).toEqual(["set.download"]);
    await expect(stop("unpacking")).rejects.toThrow("stopped");
    expect(ranges).toEqual([undefined, "bytes=100-"]);
    expect(await readdir(root)).toEqual(["set.download"]);
    await fetchDataset(entry, folder, { mirror });
    expect(ranges).toHaveLength(2);
    expect((await readdir(folder)).sort()).toEqual(["x.txt", "y.txt"]);
  });

  it("leaves nothing behind if writing fails", async () => {
    const content = await archive([{ name: "a/x" }, "x"], [{ name: "a/x/y" }, "y"]);
    files = { "c.tar.gz": content };
    const fetching = fetchDataset(entryOf("c.tar.gz", content), join(root, "set"), { mirror });
    await expect(fetching).rejects.toThrow(/Cannot write ".*set\.unfinished\/x\/y"/);
    expect(await readdir(root)).toEqual(["set.download"]);
  });

  it("writes lists for pets", async () => {
    const content = await archive(
      [{ name: "images/Abyssinian_1.jpg" }, "x"],
      [{ name: "images/great_pyrenees_2.jpg" }, "x"],
      [{ name: "annotations/trainval.txt" }, "Abyssinian_1 1 1 1\n"],
      [{ name: "annotations/test.txt" }, "#Image\ngreat_pyrenees_2 9 2 3\n"],
    );
    files = { "p.tar.gz": content };
    const { arrange } = catalogue.pets as FilesEntry;
    const all = {
      files: [{ url: "https://example.org/p.tar.gz", md5: md5(content), atMost: 1e6, unpack: { strip: 0 } }],
    };
    await fetchDataset(entryOf("p.tar.gz", content, { ...all, arrange }), join(root, "pets"), { mirror });
    const test = await openDataset(join(root, "pets"), { split: "test" });
    expect([test.classes, test.label(0), test.key(0)]).toEqual([
      ["Abyssinian", "great_pyrenees"],
      1,
      "images/great_pyrenees_2.jpg",
    ]);
  });

  it("knows addresses and checksums of every file", () => {
    for (const entry of Object.values(catalogue)) {
      if (entry.kind === "hub") continue;
      for (const { url, md5: sum, atMost, bytes = 0 } of entry.files) {
        expect(url).toMatch(/^https:\/\//);
        expect(sum).toMatch(/^[0-9a-f]{32}$/);
        expect(atMost).toBeGreaterThan(bytes);
      }
    }
  });
});

describe("unpackTar", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "deit-unpack-"));
  });
  afterEach(() => rm(root, { recursive: true }));

  const options = { strip: 0, limit: 1000 };
  async function refused(content: Buffer, message: string): Promise<void> {
    const path = join(root, "a.tar.gz");
    await writeFile(path, content);
    await expect(unpackTar(path, root, options)).rejects.toThrow(message);
  }

  /** A header alone that promises 2⁴² bytes, in the binary form of sizes above eight GiB. */
  async function terabytes(): Promise<Buffer> {
    const header = (await readFile(`${fixtures}shard-ustar.tar`)).subarray(512, 1024);
    header.fill(0, 124, 136)[124] = 0x80;
    header.writeUInt16BE(2 ** 10, 130);
    header.fill(" ", 148, 156);
    const sum = header.reduce((a, b) => a + b, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return header;
  }

  it("lets no name, link or size lead outside or beyond the limit", async () => {
    for (const name of ["../x", "/etc/x", "a/../../x", "C:\\x"])
      await refused(await archive([{ name }, "x"]), "leads outside");
    await refused(
      await archive([{ name: "l", type: "symlink", linkname: "/etc/passwd" }, ""]),
      "neither file nor folder",
    );
    await refused(await archive([{ name: "big" }, "x".repeat(1001)]), "more than 1000 bytes");
    await refused(gzipSync(await terabytes()), "more than 1000 bytes");
    expect(await readdir(root)).toEqual(["a.tar.gz"]);
  });

  it("reports what is damaged", async () => {
    const whole = await archive([{ name: "x" }, "x".repeat(900)]);
    const tar = gunzipSync(whole);
    await refused(whole.subarray(0, 60), "is cut short");
    await rm(join(root, "x"), { force: true });
    await refused(Buffer.from("no archive at all"), "is not a usable gzip file: it is damaged");
    await refused(gzipSync(Buffer.alloc(2000, 7)), "is not a usable tar archive: it does not begin as one");
    await refused(gzipSync(tar.subarray(0, 1000)), "is cut short at byte 1000");
    await rm(join(root, "x"), { force: true });
    // Whole members without the blocks of zeros that end an archive.
    await refused(gzipSync(tar.subarray(0, 1536)), "is cut short at byte 1536");
    await rm(join(root, "x"), { force: true });
    // Sizes of 88 bits, negative ones too, of a file and of a long name.
    for (const first of [0x81, 0xa7, 0xfe, 0xff])
      for (const type of ["0", "L", "x"])
        await refused(gzipSync(sized(tar, first, type)), "an invalid or absurdly large size");
  });

  function sized(tar: Buffer, first: number, type: string): Buffer {
    const bytes = Buffer.from(tar);
    bytes.fill(first, 124, 136).write(type, 156);
    bytes.fill(" ", 148, 156);
    const sum = bytes.subarray(0, 512).reduce((a, b) => a + b, 0);
    bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return bytes;
  }
});
