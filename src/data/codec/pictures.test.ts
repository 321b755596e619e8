/** Pictures of all kinds, each a few hundred bytes, compared with Pillow's pixels. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FileError } from "../../errors/errors.js";
import { RandomStream } from "../../random/stream.js";
import { type Box, type Pixels, type RgbImage, type Shrink, wholeBox } from "../pixels/image.js";
import { decodeImage, openImage } from "./decode.js";

interface Seen {
  readonly size: readonly [width: number, height: number];
  readonly sha256: string;
}

/** Described in generate.py, which created it. */
type Entry = { readonly file: string } & (
  | (Seen & {
      readonly exif?: Seen;
      readonly half?: Seen;
      readonly note?: string;
      readonly refused?: undefined;
      readonly rgb?: undefined;
    })
  | { readonly refused: string; readonly rgb?: undefined }
  | { readonly size: Seen["size"]; readonly rgb: string; readonly within: number; readonly refused?: undefined }
);

const folder = new URL("../../../tests/fixtures/pictures/", import.meta.url).pathname;
const entries = JSON.parse(readFileSync(`${folder}expected.json`, "utf8")) as readonly Entry[];

const seen = ({ width, height, data }: RgbImage): Seen => ({
  size: [width, height],
  sha256: createHash("sha256")
    .update(data.subarray(0, width * height * 3))
    .digest("hex"),
});

describe.each(entries)("$file", (entry) => {
  const name = entry.file;
  const bytes = readFileSync(folder + name);

  if (entry.refused !== undefined) {
    it.each(["exact", "fast"] as const)("is refused (%s)", async (jpeg) => {
      const failure = decodeImage(bytes, { name, jpeg });
      await expect(failure).rejects.toThrow(FileError);
      await expect(failure).rejects.toThrow(entry.refused);
    });
    return;
  }

  if (entry.rgb !== undefined) {
    it("has Pillow's pixels, within a few levels", async () => {
      const { width, height, data } = await decodeImage(bytes, { name });
      expect([width, height]).toEqual(entry.size);
      const pixels = Buffer.from(entry.rgb, "base64");
      expect(data.length).toBe(pixels.length);
      const far = data.filter((value, i) => Math.abs(value - pixels[i]) > entry.within);
      expect([...far]).toEqual([]);
    });
    return;
  }

  it("has Pillow's pixels, and those of exif_transpose on request", async () => {
    const { size, sha256, exif = { size, sha256 }, half } = entry;
    expect(seen(await decodeImage(bytes, { name }))).toEqual({ size, sha256 });
    expect(seen(await decodeImage(bytes, { name, exif: "apply" }))).toEqual(exif);
    if (half === undefined) return;
    const picture = await openImage(bytes, { name, exif: "apply", jpeg: "fast" });
    const [width, height] = half.size;
    expect(seen(await picture.pixels({ left: 0, top: 0, width, height }, 2))).toEqual(half);
  });
});

/** The pixels of a box, cropped from a larger part. */
function cut(pixels: Pixels, box: Box): string {
  const rows = Array.from({ length: box.height }, (_, y) => {
    const from = ((box.top - pixels.top + y) * pixels.width + box.left - pixels.left) * 3;
    return Buffer.from(pixels.data.subarray(from, from + box.width * 3)).toString("hex");
  });
  return rows.join("\n");
}

it("gives any part of a rotated JPEG, at any fraction, as in the whole", async () => {
  const s = new RandomStream({ seed: 5, purpose: "parts" });
  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
    const name = `orientation-${orientation}.jpg`;
    const picture = await openImage(readFileSync(folder + name), { name, exif: "apply", jpeg: "fast" });
    for (const shrink of [1, 2, 4] satisfies Shrink[]) {
      const size = { width: Math.ceil(picture.width / shrink), height: Math.ceil(picture.height / shrink) };
      const whole = await picture.pixels(wholeBox(size), shrink);
      for (let i = 0; i < 10; i++) {
        const [left, top] = [s.integer(size.width), s.integer(size.height)];
        const box = { left, top, width: 1 + s.integer(size.width - left), height: 1 + s.integer(size.height - top) };
        expect(cut(await picture.pixels(box, shrink), box)).toBe(cut(whole, box));
      }
    }
  }
});
