import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { drawProcedural } from "../data/pixels/procedural-image.js";
import { contactSheet } from "./contact-sheet.js";

describe("a contact sheet", () => {
  it("contains the pixels unchanged, enlarged by a whole factor, whatever the captions are", async () => {
    const images = Array.from({ length: 5 }, (_, i) => drawProcedural({ size: 32, seed: i, label: i }));
    const captions = ["plain", `<text>&"'`, "\u0000\u202e\ud800", "猫 и кот", "x".repeat(500)];
    const { bytes, width, height } = await contactSheet(
      images.map((image, i) => ({ image, caption: [captions[i], ""] })),
      3,
    );
    const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([width, height, 3]);
    expect([width, height]).toEqual([12 + 3 * 140, 12 + 2 * (128 + 30 + 12)]);
    images.forEach((image, i) => {
      const [left, top] = [12 + (i % 3) * 140, 12 + Math.floor(i / 3) * 170];
      for (const [x, y] of [
        [0, 0],
        [31, 0],
        [13, 17],
        [31, 31],
      ])
        for (const inner of [0, 3]) {
          const at = ((top + 4 * y + inner) * width + left + 4 * x + inner) * 3;
          expect([...data.subarray(at, at + 3)]).toEqual([
            ...image.data.subarray((y * 32 + x) * 3, (y * 32 + x) * 3 + 3),
          ]);
        }
    });
  });
});
