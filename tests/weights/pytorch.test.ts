import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DeitError, FileError } from "../../src/errors/errors.js";
import { readTorchPickle } from "../../src/formats/pickle/torch.js";
import { PickleError } from "../../src/formats/pickle/values.js";
import { RandomStream } from "../../src/random/stream.js";
import { loadWeights } from "../../src/weights/load.js";
import { readPytorch } from "../../src/weights/pytorch.js";

const fixture = (name: string) => new URL(`../fixtures/weights/${name}`, import.meta.url).pathname;
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

describe("readTorchPickle", () => {
  it("reads plain values of several protocols", () => {
    // pickle.dumps({"a": [1, 2.5, None, True], "b": (b"x", -70000)}, protocol=2), written out instruction by instruction.
    const bytes = Buffer.concat([
      Buffer.from([
        0x80, 2, 0x7d, 0x28, 0x58, 1, 0, 0, 0, 0x61, 0x5d, 0x28, 0x4b, 1, 0x47, 0x40, 4, 0, 0, 0, 0, 0, 0, 0x4e, 0x88,
        0x65,
      ]),
      Buffer.from([0x58, 1, 0, 0, 0, 0x62, 0x43, 1, 0x78, 0x4a, 0x90, 0xee, 0xfe, 0xff, 0x86, 0x75, 0x2e]),
    ]);
    const { value, end } = readTorchPickle(bytes);
    expect(value).toEqual(
      new Map<string, unknown>([
        ["a", [1, 2.5, null, true]],
        ["b", [Uint8Array.of(0x78), -70000]],
      ]),
    );
    expect(end).toBe(bytes.length);
  });
});

/** A pickle written out by hand: text, bytes and numbers one after the other. */
const pickle = (...parts: (string | number | readonly number[])[]): Buffer =>
  Buffer.concat([
    Buffer.from([0x80, 2]),
    ...parts.map((p) => (typeof p === "string" ? Buffer.from(p, "latin1") : Buffer.from([p].flat()))),
    Buffer.from("."),
  ]);
const text = (value: string): number[] => [0x8c, value.length, ...Buffer.from(value)];

describe("a hostile pickle", () => {
  const storage = (key: string, type: string, length: string) =>
    `(X\x07\0\0\0storagectorch\n${type}\nX${String.fromCharCode(key.length)}\0\0\0${key}X\x03\0\0\0cpu${length}tQ`;
  it.each([
    [
      "names its import by a nest of lists",
      pickle("]".repeat(50_000), "a".repeat(49_999), text("x"), 0x93),
      "not a string",
    ],
    ["asks for an object per byte", pickle("(", "}".repeat(1_100_000), "t"), "more than 1000000 objects"],
    [
      "copies one list over and over",
      pickle("ccollections\nOrderedDict\nq\x000", "(", "))\x86".repeat(50_000), "lq\x010", "h\0h\x01\x85R".repeat(100)),
      "over and over",
    ],
    ["recalls what is not there", pickle("hA"), "never stored"],
    ["calls a number", pickle("K\x01)R"), "not a function"],
    ["calls without arguments", pickle("ctorch\nSize\n)R"), 'calls "torch.Size" without'],
    ["calls a storage", pickle("ctorch\nFloatStorage\n)R"), 'construct "torch.FloatStorage" directly'],
    ["keeps one value over and over", pickle("N", "\x94".repeat(2_000_001)), "keeps more than 2000000 values"],
    ["stacks values without end", pickle("N".repeat(2_000_001)), "stacks more than 2000000 values"],
    ["asks for a command by another way", pickle("csubprocess\nPopen\n)R"), 'construct "subprocess.Popen"'],
    ["asks for eval", pickle("cbuiltins\neval\n(S'1'\ntR"), 'construct "builtins.eval"'],
    ["asks for what JavaScript has", pickle("c__proto__\nconstructor\n"), 'construct "__proto__.constructor"'],
    ["hides a name from the terminal", pickle("c\x1b[2J\nx\n"), 'construct "\\u001b[2J.x"'],
    ["has half a storage", pickle(storage("0", "FloatStorage", "G\x3f\xf8\0\0\0\0\0\0")), "not a plain storage"],
    ["has a negative storage", pickle(storage("0", "FloatStorage", "J\xff\xff\xff\xff")), "not a plain storage"],
    [
      "gives a storage two types",
      pickle(storage("0", "FloatStorage", "K\x01"), storage("0", "LongStorage", "K\x01")),
      'the storage "0" two types',
    ],
    [
      "has a tensor beyond its storage",
      pickle(
        "ctorch._utils\n_rebuild_tensor_v2\n(",
        storage("0", "FloatStorage", "K\x03"),
        "K\0K\x02K\x02\x86K\x02K\x01\x86tR",
      ),
      "beyond its storage",
    ],
    ["is cut off", Buffer.from([0x80, 2, 0x58, 255, 255, 255, 255]), "cut short"],
    ["is of a protocol to come", Buffer.from([0x80, 9, 0x2e]), "protocol above 5"],
  ])("that %s is refused", (_, bytes, message) => {
    expect(() => readTorchPickle(bytes)).toThrow(PickleError);
    expect(() => readTorchPickle(bytes)).toThrow(message);
  });

  it("keeps numbers of any length", () => {
    const long = (...bytes: number[]) => readTorchPickle(pickle(0x8a, bytes.length, bytes)).value;
    expect(long()).toBe(0);
    expect(long(0xff)).toBe(-1);
    expect(long(0xff, 0)).toBe(255);
    expect(long(0, 0, 0, 0, 0, 0, 0, 0, 1)).toBe(2n ** 64n);
  });

  it("leaves what it does not know inert", () => {
    const { value } = readTorchPickle(pickle("cmy.program\nConfig\n)R}", text("a"), "K\x01sb(", text("b"), "K\x02u"));
    expect(value).toMatchObject({ name: "my.program.Config", entries: new Map([["b", 2]]) });
  });

  it("reads protocol 0", () => {
    expect(readTorchPickle(Buffer.from("(dp0\nS'a'\nI-70000\nsS'b'\nF2.5\nsVc\nI01\ns.")).value).toEqual(
      new Map<string, unknown>([
        ["a", -70000],
        ["b", 2.5],
        ["c", true],
      ]),
    );
  });

  it("reads bytes and sets as torch writes them", () => {
    const bytes = pickle("c_codecs\nencode\n(", text("a\x7f"), text("latin1"), "tR");
    expect(readTorchPickle(bytes).value).toEqual(Uint8Array.of(0x61, 0x7f));
    expect(readTorchPickle(pickle("c__builtin__\nset\n](K\x01K\x02e\x85R")).value).toEqual([1, 2]);
  });
});

describe("loadWeights", () => {
  it.each(["both.pth", "both_legacy.pth"])("takes the averaged weights of %s when they are named", async (name) => {
    const first = async (key: string) => (await loadWeights(fixture(name) + key)).tensors.get("w")!.data[0];
    expect(await first("")).toBe(1);
    expect(await first("#model_ema")).toBe(2);
    await expect(loadWeights(`${fixture(name)}#ema`)).rejects.toThrow(
      /no tensors under "ema"; there are "model", "model_ema"/,
    );
  });

  it("reads a file that was packed again", async () => {
    expect((await loadWeights(fixture("compressed.pth"))).tensors.size).toBeGreaterThan(0);
  });

  it("takes the weights of a training program's checkpoint, whatever else it contains", async () => {
    const { tensors, architecture, notes } = await loadWeights(fixture("surrounded.pth"));
    expect([...tensors.keys()]).toEqual(["cls_token", "blocks.0.norm1.weight", "head.weight"]);
    expect(tensors.get("cls_token")!.data[0]).toBe(1);
    expect(architecture).toBe("deit_tiny_patch16_224");
    expect(notes.join()).toMatch(/several sets of weights: "model", "model_ema"; "model" is taken.*#model_ema/);
  });

  it("reads negated tensors with their sign, and names the kinds that it does not read", async () => {
    const { tensors, unread } = await loadWeights(fixture("kinds.pth"));
    expect([...tensors.get("w")!.data]).toEqual([-1.5, 2]);
    expect(Object.fromEntries(unread)).toEqual({ mask: "uint16", sparse: "sparse", meta: "without elements (meta)" });
  });

  it("reads a tensor that repeats one element", async () => {
    const { shape, data } = (await loadWeights(fixture("stretched.pth"))).tensors.get("w")!;
    expect([shape, new Set(data as Float32Array)]).toEqual([[1000], new Set([0])]);
  });

  it("refuses scripts and tensors stretched without end", async () => {
    await expect(loadWeights(fixture("endless.pth"))).rejects.toThrow(/wants \d+ bytes for its tensors/);
    await expect(loadWeights(fixture("module_object.pth"))).rejects.toThrow(
      'wants to construct "torch.nn.modules.linear.Linear"',
    );
  });

  it.each([
    ["an image", Buffer.from("89504e470d0a1a0a0000000d49484452", "hex"), "is a PNG picture"],
    ["nothing", Buffer.alloc(0), "is empty"],
    ["text", Buffer.from("model: deit_tiny_patch16_224\n"), "is neither a safetensors file nor a PyTorch checkpoint"],
  ])("says that %s is not a file of weights", async (name, bytes, sentence) => {
    const path = join(scratch, name);
    await writeFile(path, bytes);
    await expect(loadWeights(path)).rejects.toThrow(sentence);
  });

  it("reports a missing file", async () => {
    await expect(loadWeights(join(scratch, "none.pth"))).rejects.toThrow(FileError);
  });
});
