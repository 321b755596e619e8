/** Views of one and four channels, compared with what Pillow, torchvision and timm make of the modes L and RGBA. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { readSafetensors } from "../../formats/safetensors/safetensors.js";
import type { Channels } from "../../geometry/channels.js";
import { RandomStream } from "../../random/stream.js";
import { augment } from "../augment/augment.js";
import { hue } from "../augment/color.js";
import { applyOperation, type OperationName, operationNames } from "../augment/operations.js";
import { parsePolicy } from "../augment/policy.js";
import { decodeImage } from "../codec/decode.js";
import type { CropMode } from "../pixels/fit.js";
import { wholeBox } from "../pixels/image.js";
import { packed, seenIn, unpacked } from "./channels.js";
import { applyTransform } from "./transform.js";

const folder = new URL("../../../tests/fixtures/channels/", import.meta.url).pathname;
const { tensors } = await readSafetensors(`${folder}channels.safetensors`);
const { views, crops } = JSON.parse(await readFile(`${folder}cases.json`, "utf8")) as {
  readonly views: readonly {
    readonly key: string;
    readonly channels: Channels;
    readonly cropMode: CropMode;
    readonly size: readonly [number, number];
    readonly interpolation: "bicubic" | "nearest";
  }[];
  readonly crops: readonly {
    readonly key: string;
    readonly crop: "resized" | "padded";
    readonly channels: Channels;
    readonly size: number;
    readonly left: number;
    readonly top: number;
  }[];
};

const bytes = (key: string) => tensors.get(key)!.data as Uint8Array;
const [height, width] = tensors.get("rgba")!.shape;
const rgba = bytes("rgba");
const image = {
  ...{ width, height, data: rgba.filter((_, i) => i % 4 !== 3) },
  alpha: rgba.filter((_, i) => i % 4 === 3),
};

const same = (found: Uint8Array, key: string) => expect(Buffer.compare(found, bytes(key)), key).toBe(0);

describe("evaluation sees what timm's does", () => {
  it.each(views)("$key", ({ key, channels, cropMode, size, interpolation }) => {
    // The border that timm fills with the mean of the only channel.
    const borderColor = channels === 1 ? ([114, 114, 114] as const) : ([124, 116, 104] as const);
    same(
      applyTransform(image, {
        ...{ kind: "evaluation", size, cropRatio: 1, cropMode, borderColor, interpolation, channels },
      }),
      key,
    );
  });

  it("has the border's colour in grayscale", () => {
    const transform = { kind: "evaluation", size: 40, cropRatio: 1, cropMode: "border", channels: 1 } as const;
    const [corner] = applyTransform(image, { ...transform, borderColor: [200, 10, 90], interpolation: "bicubic" });
    expect(corner).toBe(76); // 0.299 · 200 + 0.587 · 10 + 0.114 · 90 = 75.9
  });
});

describe("training cuts out what torchvision does, told where", () => {
  it.each(crops)("$key", ({ key, crop, channels, size, left, top }) => {
    const places = [left, top];
    const told = Object.assign(new RandomStream({ seed: 0, purpose: "test" }), {
      uniform: (low = 0) => low,
      integer: () => places.shift()!,
    });
    const share = (16 * 16) / (width * height);
    const scale = crop === "resized" ? ([share, share] as const) : ([1, 1] as const);
    same(
      applyTransform(
        image,
        { ...{ kind: "training", crop, size, channels, interpolation: "bilinear", flip: 1, scale, ratio: [1, 1] } },
        told,
      ),
      key,
    );
  });
});

describe("operations on grayscale are Pillow's on the mode L", () => {
  const grey = seenIn(1, { ...image, ...wholeBox(image), alpha: undefined });
  const stream = () => new RandomStream({ seed: 0, purpose: "test" });

  it("converts as Pillow does", () => same(packed(1, grey), "L"));

  it.each([...tensors.keys()].filter((key) => key.startsWith("L.")))("%s", (key) => {
    const [, name, argument] = /^L\.(\w+)\.(.+)$/.exec(key)!;
    const settings = { interpolation: "bicubic", fill: [117, 117, 117], translate: 100 } as const;
    const given = argument === "None" ? undefined : Number(argument);
    const changed =
      name === "hue"
        ? hue(grey, Number(argument))
        : applyOperation((name === "saturation" ? "Color" : name) as OperationName, grey, given, settings, stream());
    const [found, reference] = [packed(1, changed), bytes(key)];
    expect(found).toHaveLength(reference.length);
    let different = 0;
    for (let i = 0; i < found.length; i++) {
      const levels = Math.abs(found[i] - reference[i]);
      expect(levels).toBeLessThanOrEqual(1);
      if (levels > 0) different++;
    }
    // As for RGB: truncated values fall to either side with the last bit of their weights.
    expect(different / found.length).toBeLessThan(0.1);
  });
});

describe("images with alpha", () => {
  const stream = () => new RandomStream({ seed: 0, purpose: "test" });
  const settings = { interpolation: "bicubic", fill: [124, 116, 104], translate: 100 } as const;

  it.each([...tensors.keys()].filter((key) => key.startsWith("RGBA.")))("%s is Pillow's", (key) => {
    const [, name, argument] = /^RGBA\.(\w+)\.(.+)$/.exec(key)!;
    const changed = applyOperation(name as OperationName, image, Number(argument), settings, stream());
    const [found, reference] = [packed(4, changed), bytes(key)];
    // A level of what is premultiplied is several of a colour that is hardly opaque: dividing magnifies it by 255 / alpha.
    for (let i = 0; i < found.length; i++)
      expect(Math.abs(found[i] - reference[i]) * (reference[i | 3] / 255)).toBeLessThanOrEqual(2);
    expect(found.filter((value, i) => value !== reference[i]).length / found.length).toBeLessThan(0.1);
  });

  it("keep alpha where an operation changes colours", () => {
    for (const name of operationNames.filter((one) => !/Shear|Translate|Rotate/.test(one))) {
      const changed = applyOperation(name, image, 1, settings, stream());
      expect(changed.alpha, name).toBe(image.alpha);
    }
    const jitter = { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 };
    const changed = augment(image, { ...settings, jitter, grayscaleProbability: 1, blurProbability: 1 }, stream());
    expect(changed.alpha).toBe(image.alpha);
    expect(changed.data).not.toEqual(image.data);
  });

  it("are mixed with their alpha by AugMix", () => {
    const { alpha, data } = augment(image, { ...settings, policy: parsePolicy("augmix-m3-w3") }, stream());
    expect([alpha?.length, data.length]).toEqual([width * height, 3 * width * height]);
  });

  it("are opaque where they have none", () => {
    const transform = { kind: "evaluation", size: 16, cropRatio: 1, interpolation: "bicubic" } as const;
    const [rgb, four] = [3, 4].map((channels) =>
      applyTransform({ ...image, alpha: undefined }, { ...transform, channels: channels as Channels }),
    );
    expect(four.filter((_, i) => i % 4 === 3).every((value) => value === 255)).toBe(true);
    expect(four.filter((_, i) => i % 4 !== 3)).toEqual(rgb);
  });
});

it("a finished view is an image again", () => {
  const { left: _, top: __, ...whole } = { ...image, ...wholeBox(image) };
  expect(unpacked(4, image, packed(4, whole))).toEqual(whole);
  expect(packed(1, unpacked(1, image, bytes("L")))).toEqual(bytes("L"));
});

describe("files are read as Pillow converts them", () => {
  const names = [...tensors.keys()].flatMap((key) => /^file (.+)$/.exec(key)?.[1] ?? []);
  it.each(names)("%s", async (name) => {
    const file = bytes(`file ${name}`);
    const read = async (alpha: boolean) => ({ ...(await decodeImage(file, { name, alpha })), left: 0, top: 0 });
    same(packed(1, seenIn(1, await read(false))), `read ${name} L`);
    same(packed(4, seenIn(4, await read(true))), `read ${name} RGBA`);
    expect((await read(false)).alpha).toBeUndefined();
  });
});
