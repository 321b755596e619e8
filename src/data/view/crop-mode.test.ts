/** Images that have not the model's shape: evaluation compared with timm, training by its properties. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { readSafetensors } from "../../formats/safetensors/safetensors.js";
import { heightAndWidth } from "../../geometry/image-size.js";
import { nearestSize } from "../../geometry/native-sizes.js";
import { RandomStream } from "../../random/stream.js";
import { type CropMode, cropModes } from "../pixels/fit.js";
import type { RgbImage } from "../pixels/image.js";
import { applyTransform, type TrainingTransform } from "./transform.js";
import { viewSize } from "./view-size.js";

const folder = new URL("../../../tests/fixtures/crop-modes/", import.meta.url).pathname;
const { tensors } = await readSafetensors(`${folder}views.safetensors`);
interface Case {
  readonly key: string;
  readonly image: string;
  readonly cropMode: CropMode;
  readonly size: readonly [number, number];
  readonly cropRatio: number;
}
const cases = JSON.parse(await readFile(`${folder}cases.json`, "utf8")) as readonly Case[];
const mean = [124, 116, 104] as const;

const imageOf = (name: string): RgbImage => {
  const { shape, data } = tensors.get(name)!;
  return { width: shape[1], height: shape[0], data: data as Uint8Array };
};

describe("evaluation sees what timm's does", () => {
  it.each(cases)("$key", ({ key, image, cropMode, size, cropRatio }) => {
    const found = applyTransform(imageOf(image), {
      ...{ kind: "evaluation", size, cropRatio, cropMode, borderColor: mean, interpolation: "bicubic" },
    });
    expect(Buffer.compare(Buffer.from(found), Buffer.from(tensors.get(key)!.data as Uint8Array))).toBe(0);
  });
});

describe("training cuts out what torchvision and timm do, told where", async () => {
  const aspect = new URL("../../../tests/fixtures/aspect/", import.meta.url).pathname;
  const { tensors: made } = await readSafetensors(`${aspect}aspect.safetensors`);
  const { crops } = JSON.parse(await readFile(`${aspect}cases.json`, "utf8")) as {
    readonly crops: readonly {
      readonly key: string;
      readonly crop: TrainingTransform["crop"];
      readonly size: readonly [number, number];
      readonly interpolation: "bilinear" | "bicubic";
      readonly scale: number;
      readonly ratio: number;
      readonly left: number;
      readonly top: number;
      readonly flip: number;
    }[];
  };
  const { shape, data } = made.get("image")!;
  const image = { width: shape[1], height: shape[0], data: data as Uint8Array };
  it.each(crops)("$key", ({ key, crop, size, interpolation, scale, ratio, left, top, flip }) => {
    // Ranges of one value, and the two places in the order in which they are drawn.
    const places = [left, top];
    const told = Object.assign(new RandomStream({ seed: 0, purpose: "test" }), {
      uniform: (low = 0) => low,
      integer: () => places.shift()!,
    });
    const found = applyTransform(
      image,
      { ...{ kind: "training", crop, size, interpolation, flip }, scale: [scale, scale], ratio: [ratio, ratio] },
      told,
    );
    expect(Buffer.compare(Buffer.from(found), Buffer.from(made.get(key)!.data as Uint8Array))).toBe(0);
  });
});

describe("images in their native aspect ratio", () => {
  const nativeSizes = [96, [80, 112], [112, 80], [64, 144], [144, 64]] as const;
  const shapes = [
    [96, 48],
    [48, 96],
    [60, 44],
    [50, 50],
    [300, 20],
  ] as const;

  it.each(shapes)("of %i×%i are seen in the nearest size, in evaluation as a centre crop of it", (width, height) => {
    const image = gradient(width, height);
    const evaluation = { kind: "evaluation", size: 96, cropRatio: 0.9, interpolation: "bicubic" } as const;
    const found = applyTransform(image, { ...evaluation, cropMode: "native", nativeSizes });
    const size = nativeSizes[nearestSize(image, nativeSizes)];
    expect(viewSize(image, { size: 96, nativeSizes })).toEqual(size);
    expect(found).toEqual(applyTransform(image, { ...evaluation, size }));
  });

  it.each(["resized", "padded", "simple"] as const)("are seen undistorted in training (%s)", (crop) => {
    for (const [width, height] of shapes.slice(0, 4))
      for (let sample = 0; sample < 20; sample++) {
        const image = gradient(width, height);
        const [rows, columns] = heightAndWidth(viewSize(image, { size: 96, nativeSizes }));
        const data = applyTransform(
          image,
          {
            ...{
              kind: "training",
              size: 96,
              crop,
              interpolation: "bilinear",
              flip: 0,
              cropMode: "native",
              nativeSizes,
            },
            ...{ scale: [0.3, 0.6], ratio: [1, 1] },
          },
          new RandomStream({ seed: 0, purpose: "test", sample }),
        );
        expect(data.length).toBe(rows * columns * 3);
        // How far red grows over the middle rows, and green over the middle columns, in pixels of the image.
        const at = (x: number, y: number, c: number) => data[(y * columns + x) * 3 + c];
        const [from, to] = [Math.floor(columns / 4), Math.floor((3 * columns) / 4)];
        const [top, bottom] = [Math.floor(rows / 4), Math.floor((3 * rows) / 4)];
        const across = ((at(to, top, 0) - at(from, top, 0)) * width) / 255 / (to - from);
        const down = ((at(from, bottom, 1) - at(from, top, 1)) * height) / 255 / (bottom - top);
        // Rounded to whole pixels of the crop, and to bytes.
        expect(Math.abs(Math.log(across / down))).toBeLessThan(0.15);
      }
  });
});

/** Red grows with the column and green with the row; blue says that it is the image, and no border. */
const gradient = (width: number, height: number): RgbImage => ({
  ...{ width, height },
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return [Math.round((255 * x) / (width - 1)), Math.round((255 * y) / (height - 1)), 255][i % 3];
  }),
});

describe("training", () => {
  const size = 24;
  const transform = (more: Partial<TrainingTransform>): TrainingTransform => ({
    ...{ kind: "training", size, crop: "resized", interpolation: "bilinear", scale: [1, 1], ratio: [1, 1], flip: 0 },
    borderColor: [1, 2, 3],
    ...more,
  });
  const view = (image: RgbImage, more: Partial<TrainingTransform>, sample = 0) => {
    const data = applyTransform(image, transform(more), new RandomStream({ seed: 0, purpose: "test", sample }));
    return (x: number, y: number) => [...data.subarray((y * size + x) * 3, (y * size + x) * 3 + 3)];
  };
  const wide = gradient(96, 48);

  it.each(["resized", "padded", "simple"] as const)("%s keeps all of a squashed image in its largest crop", (crop) => {
    const at = view(wide, { cropMode: "squash", crop });
    if (crop !== "resized") return expect(at(12, 12)[2]).toBe(255);
    expect(at(0, 0).map((v) => Math.round(v / 16))).toEqual([0, 0, 16]);
    expect(at(23, 23).map((v) => Math.round(v / 16))).toEqual([16, 16, 16]);
  });

  it("resized shows all of a fitted image in its largest crop, and its border", () => {
    const at = view(wide, { cropMode: "border" });
    expect([at(3, 0), at(3, 5), at(3, 18), at(3, 23)]).toEqual(Array(4).fill([1, 2, 3]));
    expect([at(0, 6)[2], at(23, 17)[2], at(12, 12)[2]]).toEqual([255, 255, 255]);
    expect(at(23, 12)[0]).toBeGreaterThan(245);
  });

  it("resized shows no border that it need not, and never the border alone", () => {
    for (let sample = 0; sample < 50; sample++) {
      const at = view(gradient(200, 20), { cropMode: "border", scale: [0.08, 1], ratio: [3 / 4, 4 / 3] }, sample);
      const shown = Array.from({ length: size }, (_, y) => at(12, y)[2] === 255);
      expect(shown).toContain(true);
      const small = view(wide, { cropMode: "border", scale: [0.1, 0.15] }, sample);
      for (let y = 0; y < size; y++) expect(small(12, y)[2]).toBe(255);
    }
  });

  it.each(["padded", "simple"] as const)("%s shifts a fitted image with its border", (crop) => {
    const at = view(wide, { cropMode: "border", crop });
    expect([at(12, 0)[2], at(12, 23)[2]].filter((v) => v !== 255).length).toBeGreaterThan(0);
    expect(at(12, 12)[2]).toBe(255);
  });

  it("flips a fitted image and its border together", () => {
    const tall = gradient(30, 90);
    const drawn = { cropMode: "border", scale: [0.5, 0.9], ratio: [1, 1] } as const;
    for (let sample = 0; sample < 20; sample++) {
      const [plain, flipped] = [view(tall, drawn, sample), view(tall, { ...drawn, flip: 1 }, sample)];
      const row = (at: typeof plain) => Array.from({ length: size }, (_, x) => at(x, 12)[2]);
      expect(row(flipped)).toEqual(row(plain).toReversed());
    }
  });

  it("sees every image that is square alike in all modes", () => {
    const square = gradient(50, 50);
    const views = cropModes.map((cropMode) =>
      applyTransform(
        square,
        { ...transform({ cropMode }), scale: [0.3, 0.9] },
        new RandomStream({ seed: 3, purpose: "test" }),
      ),
    );
    expect(views[1]).toEqual(views[0]);
  });
});
