/** Contact sheets: images in rows, each with a caption below, as a single picture or as a page. */
import type { RgbImage } from "../data/pixels/image.js";
import { escapeHtml } from "./html.js";
import { page, thumbnail, thumbnails } from "./page.js";

export interface Captioned {
  readonly image: RgbImage;
  readonly caption: readonly string[];
}

const margin = 12;
const lineHeight = 15;
const fontSize = 11;
/** Small images are enlarged by a whole factor to at least this side. */
const leastSide = 128;

export interface Sheet {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** False if no font is installed, so that the captions are blank. */
  readonly captioned: boolean;
}

/** A PNG of the images, unchanged or enlarged by a whole factor. All must have the size of the first. */
export async function contactSheet(samples: readonly Captioned[], columns: number): Promise<Sheet> {
  const { default: sharp } = await import("sharp");
  const { width, height } = samples[0].image;
  const factor = Math.max(1, Math.ceil(leastSide / width));
  const lines = Math.max(...samples.map((s) => s.caption.length));
  const cell = { width: width * factor + margin, height: height * factor + lines * lineHeight + margin };
  const across = Math.min(columns, samples.length);
  const size = {
    width: across * cell.width + margin,
    height: Math.ceil(samples.length / across) * cell.height + margin,
  };
  const at = (i: number) => ({
    left: margin + (i % across) * cell.width,
    top: margin + Math.floor(i / across) * cell.height,
  });
  const pictures = await Promise.all(
    samples.map(async ({ image }, i) => ({
      input: await sharp(image.data, { raw: { width, height, channels: 3 } })
        .resize(width * factor, height * factor, { kernel: "nearest" })
        .png()
        .toBuffer(),
      ...at(i),
    })),
  );
  const texts = samples.flatMap(({ caption }, i) =>
    caption.map((text, line) => {
      const { left, top } = at(i);
      return textAt(left, top + height * factor + (line + 1) * lineHeight - 3, fitted(text, width * factor));
    }),
  );
  const bytes = await sharp({ create: { ...size, channels: 3, background: "#fff" } })
    .composite([{ input: svg(size.width, size.height, texts.join("")), left: 0, top: 0 }, ...pictures])
    .removeAlpha()
    .png()
    .toBuffer();
  return { bytes, ...size, captioned: await hasFont() };
}

/** The same as a page, whose captions any browser can show. */
export async function contactPage(title: string, lead: string, samples: readonly Captioned[]): Promise<string> {
  const { default: sharp } = await import("sharp");
  const shots = await Promise.all(
    samples.map(async ({ image: { width, height, data }, caption }) => {
      const bytes = await sharp(data, { raw: { width, height, channels: 3 } })
        .png()
        .toBuffer();
      const text = caption.join(" · ");
      return thumbnail({ picture: { bytes, type: "image/png", width, height }, alt: text, caption: text });
    }),
  );
  return page({ title, lead, sections: [{ id: "images", title: "Images", body: thumbnails(shots) }] });
}

const svg = (width: number, height: number, content: string): Buffer =>
  Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${content}</svg>`);

const textAt = (x: number, y: number, text: string): string =>
  `<text x="${x}" y="${y}" font-family="sans-serif" font-size="${fontSize}" fill="#222">${escapeHtml(text)}</text>`;

/** Truncated to the width of its picture; full-width characters count twice. */
function fitted(text: string, width: number): string {
  let room = width / (fontSize * 0.56);
  const characters = [...text];
  for (const [i, c] of characters.entries()) {
    room -= (c.codePointAt(0) ?? 0) > 0x2e80 ? 2 : 1;
    if (room < (i === characters.length - 1 ? 0 : 1)) return `${characters.slice(0, i).join("")}…`;
  }
  return text;
}

/** Whether a letter renders any pixels. */
async function hasFont(): Promise<boolean> {
  const { default: sharp } = await import("sharp");
  const { channels } = await sharp(svg(40, 20, textAt(2, 15, "Mg")))
    .flatten({ background: "#fff" })
    .stats();
  return channels[0].min < 200;
}
