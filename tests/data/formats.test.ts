import { appendFile, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Dataset, OpenOptions } from "../../src/data/dataset/dataset.js";
import { openDataset } from "../../src/data/sources/open.js";
import { readSample } from "../../src/data/view/view.js";

const fixtures = new URL("../fixtures/data/", import.meta.url).pathname;
const images = new URL("../fixtures/images/", import.meta.url).pathname;
const train = { split: "train" } as const;
const test = { split: "test" } as const;
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "deit formats 猫 "));
});
afterAll(() => rm(root, { recursive: true }));

const all = <T>(data: Dataset, of: (i: number) => T): T[] => Array.from({ length: data.length }, (_, i) => of(i));
const labels = (data: Dataset) => all(data, data.label);
const firstPixels = async (data: Dataset) =>
  (await Promise.all(all(data, (i) => readSample(data.source(i), { jpeg: "exact" })))).map((p) => [
    ...p.data.subarray(0, 3),
  ]);
const colours = (n: number) => Array.from({ length: n }, (_, i) => [10 * i + 5, 200 - 7 * i, 3 * i]);

/** A folder with text files. */
async function folder(name: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(root, name, path, ".."), { recursive: true });
    await writeFile(join(root, name, path), content);
  }
  return join(root, name);
}

async function fails(path: string, message: string | RegExp, options: OpenOptions = train): Promise<void> {
  await expect(openDataset(path, options)).rejects.toThrow(message);
}

describe("WebDataset shards", () => {
  it.each(["ustar", "gnu", "pax"])("are read as Python writes them (%s)", async (kind) => {
    const data = await openDataset(`${fixtures}shard-${kind}.tar`, train);
    expect(data.classes).toEqual(["0", "1", "2"]);
    expect(labels(data)).toEqual([0, 1, 2]);
    expect(data.key(2)).toBe(kind === "ustar" ? "images/0002" : `${"deep/".repeat(30)}ﬁsch 猫 é`);
    expect(await firstPixels(data)).toEqual(colours(3));
  });

  it("are found by a brace pattern or in a folder, by parts, with class names beside them", async () => {
    const path = join(root, "shards");
    await mkdir(path);
    for (const name of ["x-train-00", "x-train-01", "x-val-00"])
      await copyFile(`${fixtures}shard-gnu.tar`, join(path, `${name}.tar`));
    await writeFile(join(path, "classes.txt"), "ant\nbee\ncat\n");
    const data = await openDataset(path, train);
    expect([data.length, data.classes]).toEqual([6, ["ant", "bee", "cat"]]);
    expect((await openDataset(path, test)).length).toBe(3);
    expect((await openDataset(join(path, "x-train-{00..01}.tar"), train)).length).toBe(6);
    expect((await openDataset(`wds:${path}`, { ...train, classes: ["cat", "bee", "ant"] })).label(0)).toBe(2);
    await fails(join(path, "x-train-{00..01}.tar"), "has the parts train but none for test", test);
    await fails(join(path, "x-train-{00..02}.tar"), /x-train-02\.tar": it does not exist/);
  });

  it("that are damaged are refused in a sentence", async () => {
    const whole = await readFile(`${fixtures}shard-ustar.tar`);
    const refused = async (name: string, change: (tar: Buffer) => Buffer, message: string | RegExp) => {
      const path = join(root, `${name}.tar`);
      await writeFile(path, change(Buffer.from(whole)));
      await fails(path, message);
    };
    const header = (tar: Buffer, at: number, change: (h: Buffer) => void) => {
      const h = tar.subarray(at, at + 512);
      change(h);
      h.fill(" ", 148, 156);
      h.write(
        `${h
          .reduce((a, b) => a + b, 0)
          .toString(8)
          .padStart(6, "0")}\0 `,
        148,
      );
      return tar;
    };
    await refused("empty", () => Buffer.alloc(0), "it is too short");
    await refused("garbled", (tar) => tar.fill(7, 0, 512), "it does not begin as one");
    await refused("damaged", (tar) => tar.fill(7, 600, 3000), /is not a usable tar archive/);
    await refused("cut", (tar) => tar.subarray(0, 3584), "it is cut short");
    await refused("terabytes", (tar) => header(tar, 512, (h) => h.write("77777777777\0", 124)), "more than there are");
    await refused(
      "beyond measure",
      (tar) => header(tar, 512, (h) => h.fill(255, 124, 136)),
      "an invalid or absurdly large size",
    );
    await refused("sparse", (tar) => header(tar, 512, (h) => h.write("S", 156)), "is sparse");
    await refused("nothing", () => Buffer.alloc(1024), "holds no samples");
  });

  it("need an image and a class for each sample", async () => {
    const whole = await readFile(`${fixtures}shard-ustar.tar`);
    await writeFile(join(root, "no class.tar"), Buffer.concat([whole.subarray(512, 1536), Buffer.alloc(1024)]));
    await fails(join(root, "no class.tar"), /The sample "images\/0000" in .* has no class/);
  });
});

describe("CIFAR", () => {
  it.each([
    ["cifar-10-batches-bin", "data_batch_1", "test_batch"],
    ["cifar-10-batches-py", "data_batch_1", "test_batch"],
    ["cifar-100-python", "train", "test"],
  ])("is read from %s", async (name, trainFile, testFile) => {
    const expected = JSON.parse(await readFile(`${fixtures}expected.json`, "utf8"));
    for (const [options, file] of [
      [train, trainFile],
      [test, testFile],
    ] as const) {
      const data = await openDataset(fixtures + name, options);
      expect(labels(data)).toEqual(expected[file].labels);
      expect(data.classes[5]).toBe(name.startsWith("cifar-100") ? "fine 5" : "class 5");
      expect(await firstPixels(data)).toEqual(expected[file].firstPixel);
      const last = await readSample(data.source(2), { jpeg: "exact" });
      expect([...last.data.subarray(-3)]).toEqual(expected[file].lastPixel[2]);
    }
  });

  /** A byte as protocol 0 writes it. */
  const letter = (byte: number) =>
    [0, 10, 13, 26, 92].includes(byte) ? `\\u${byte.toString(16).padStart(4, "0")}` : String.fromCharCode(byte);

  /** A batch as Python 3 and numpy 2 pickle it again, in the protocols that differ. */
  const repickled = (
    protocol: 0 | 2 | 4 | 5,
    pixels: Buffer,
    labels: readonly number[],
    shape = "K\x04M\x00\x0c\x86",
  ) => {
    const text = (s: string) => (protocol === 0 ? `V${s}\n` : `X${String.fromCharCode(s.length)}\0\0\0${s}`);
    const named = (module: string, name: string) => `c${module}\n${name}\n`;
    const type = (code: string) =>
      `${named("numpy", "dtype")}(${text(code)}I0\nI1\ntR(K\x03${text("<")}NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb`;
    const size = Buffer.alloc(8);
    const bytes = (content: Buffer) => {
      size.writeBigUInt64LE(BigInt(content.length));
      if (protocol >= 4)
        return `${protocol === 5 ? "\x96" : "\x8e"}${size.toString("latin1")}${content.toString("latin1")}`;
      const utf8 = Buffer.from(content.toString("latin1"));
      size.writeUInt32LE(utf8.length);
      const spelled =
        protocol === 0
          ? `V${Array.from(content, letter).join("")}\n`
          : `X${size.toString("latin1", 0, 4)}${utf8.toString("latin1")}`;
      return `${named("_codecs", "encode")}(${spelled}${text("latin1")}tR`;
    };
    const array = (content: Buffer, code: string, shape: string) =>
      protocol === 5
        ? `${named("numpy._core.numeric", "_frombuffer")}(${bytes(content)}${type(code)}${shape}${text("C")}tR`
        : `${named("numpy._core.multiarray", "_reconstruct")}(${named("numpy", "ndarray")}(K\0t${bytes(Buffer.from("b"))}tR(K\x01${shape}${type(code)}I0\n${bytes(content)}tb`;
    const scalar = (n: number) => `${named("numpy._core.multiarray", "scalar")}(${type("u1")}${bytes(Buffer.of(n))}tR`;
    const said = protocol === 5 ? array(Buffer.from(labels), "u1", "K\x04\x85") : `(${labels.map(scalar).join("")}l`;
    return Buffer.from(
      `\x80${String.fromCharCode(protocol)}}(${text("data")}${array(pixels, "u1", shape)}${text("labels")}${said}u.`,
      "latin1",
    );
  };
  const pixels = Buffer.from(Array.from({ length: 4 * 3072 }, (_, i) => (i * 7 + (i >> 8)) & 255));

  it.each([0, 2, 4, 5] as const)("is read from batches that were pickled again by protocol %i", async (protocol) => {
    const path = await folder(`cifar-again-${protocol}`, { data_batch_1: repickled(protocol, pixels, [1, 0, 2, 1]) });
    const data = await openDataset(path, train);
    expect(labels(data)).toEqual([1, 0, 2, 1]);
    for (let i = 0; i < 4; i++) {
      const { data: rgb } = await readSample(data.source(i), { jpeg: "exact" });
      const plane = (c: number) => pixels.subarray(i * 3072 + c * 1024, i * 3072 + c * 1024 + 1024);
      for (let c = 0; c < 3; c++) expect(Buffer.from(rgb.filter((_, k) => k % 3 === c))).toEqual(plane(c));
    }
  });

  it("with pixels that are not in planes is refused", async () => {
    const rows = repickled(4, pixels, [1, 0, 2, 1], "(K\x04K\x20K\x20K\x03t");
    await fails(await folder("cifar-rows", { data_batch_1: rows }), /pixels of the shape 4×32×32×3, and not 4×3072/);
  });

  it("that is cut short or hostile is refused in a sentence", async () => {
    const binary = await readFile(`${fixtures}cifar-10-batches-bin/data_batch_1.bin`);
    const pickled = await readFile(`${fixtures}cifar-10-batches-py/data_batch_1`);
    const bad = await folder("cifar-cut", { "data_batch_1.bin": binary.subarray(0, 5000) });
    await fails(bad, /data_batch_1\.bin" is not a file of CIFAR, or cut short: its 5000 bytes/);
    await fails(
      await folder("cifar-cut-py", { data_batch_1: pickled.subarray(0, 5000) }),
      /not a batch of CIFAR.*cut short/,
    );
    const evil = Buffer.from("\x80\x02cos\nsystem\n(U\x04true\x85R.", "latin1");
    await fails(
      await folder("cifar-evil", { data_batch_1: evil }),
      /wants to construct "os\.system", which is not allowed/,
    );
    await fails(await folder("cifar-lacks", { "test_batch.bin": binary }), /lacks the files for train of CIFAR/);
  });
});

describe("lists", () => {
  it("are CSV with a header or without, or JSON lines, with parts", async () => {
    const plain = await readFile(`${images}plain.png`);
    const path = await folder("listed", {
      "a b/猫, 1.png": plain,
      "2.png": plain,
      "samples.csv": '\ufefflabel,file_name,split\ncat,"a b/猫, 1.png",train\r\nant,2.png,val\n',
      "bare.csv": `2.png,3\n${join(root, "listed", "2.png")},1\n`,
      "lines.jsonl": '{"path": "2.png", "label": "x"}\n\n{"path": "a b/猫, 1.png", "label": "y"}',
    });
    const data = await openDataset(path, train);
    expect([data.classes, labels(data), data.key(0)]).toEqual([["ant", "cat"], [1], join("a b", "猫, 1.png")]);
    expect(labels(await openDataset(path, test))).toEqual([0]);
    const bare = await openDataset(join(path, "bare.csv"), train);
    expect([bare.classes, labels(bare)]).toEqual([
      ["0", "1", "2", "3"],
      [3, 1],
    ]);
    const lines = await openDataset(join(path, "lines.jsonl"), train);
    expect([lines.classes, labels(lines)]).toEqual([
      ["x", "y"],
      [0, 1],
    ]);
    for (const each of [data, bare, lines])
      for (let i = 0; i < each.length; i++)
        expect((await readSample(each.source(i), { jpeg: "exact" })).width).toBe(34);
  });

  it("that are wrong are refused in a sentence", async () => {
    const path = await folder("wrong lists", {
      "empty.csv": "",
      "short.csv": "path,label\na.png,1\nb.png\n",
      "quotes.csv": 'path,label\n"a.png,1\n',
      "no.jsonl": '{"path": "a", "label": 1}\n[1, 2',
      "controls.csv": "path,label\na\0.png,1\n",
      "many.csv": "path,label\na.png,4000000000\n",
    });
    await fails(join(path, "empty.csv"), "lists no samples");
    await fails(join(path, "short.csv"), /Sample 2 of .* has no label/);
    await fails(join(path, "quotes.csv"), /is no CSV file/);
    await fails(join(path, "no.jsonl"), /Line 2 of .* is no JSON object/);
    await fails(join(path, "controls.csv"), /names the file "a\\u0000\.png", which holds control characters/);
    await fails(join(path, "many.csv"), "above the limit of 1000000 classes");
    await appendFile(join(path, "long.jsonl"), Buffer.alloc(3 << 20, 65));
    await fails(join(path, "long.jsonl"), "a line of more than");
  });
});

describe("iNaturalist", () => {
  const annotations = (names: readonly string[]) =>
    JSON.stringify({
      info: {},
      images: names.map((file_name, id) => ({ id, file_name, width: 1, height: 1 })),
      annotations: names.map((_, image_id) => ({ id: image_id, image_id, category_id: 5 - image_id })),
      categories: [5, 4, 3].map((id) => ({ id, name: `species ${id}`, supercategory: "x" })),
    });

  it("is read by its annotations, each part its own", async () => {
    const path = await folder("inat", {
      "train2019.json": annotations(["train_val2019/Birds/5/a.jpg", "train_val2019/Birds/4/b.jpg"]),
      "val2019.json": annotations(["train_val2019/Birds/5/c.jpg"]),
      "train_val2019/Birds/5/a.jpg": await readFile(`${images}plain.jpg`),
    });
    const data = await openDataset(path, train);
    expect(data.classes).toEqual(["species 3", "species 4", "species 5"]);
    expect(labels(data)).toEqual([2, 1]);
    expect((await readSample(data.source(0), { jpeg: "exact" })).width).toBe(34);
    expect(labels(await openDataset(path, test))).toEqual([2]);
  });

  it("that names images outside, or is not a list, is refused", async () => {
    await fails(
      await folder("inat-out", { "train2018.json": annotations(["a/../../x.jpg"]) }),
      "leads out of its folder",
    );
    await fails(await folder("inat-text", { "train2018.json": "{" }), "holds no annotations of iNaturalist");
    await fails(await folder("inat-other", { "train2018.json": "{}" }), "images is wrong");
  });
});

describe("openDataset", () => {
  it("lists what it understands", async () => {
    await writeFile(join(root, "notes.txt"), "x");
    await fails(
      join(root, "notes.txt"),
      /is not a dataset in a known format; it may be procedural, or .*wds: WebDataset/,
    );
  });

  it("enters parts in any format", async () => {
    for (const part of ["train", "val"]) {
      await mkdir(join(root, "tars", part), { recursive: true });
      await copyFile(`${fixtures}shard-pax.tar`, join(root, "tars", part, "0.tar"));
    }
    expect((await openDataset(join(root, "tars"), test)).length).toBe(3);
  });
});
