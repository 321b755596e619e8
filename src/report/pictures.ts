/** Small pictures of samples for reports. */
import type { SampleSource } from "../data/dataset/dataset.js";
import type { RgbImage } from "../data/pixels/image.js";
import { readSample } from "../data/view/view.js";
import type { Picture } from "./page.js";

/** Longer side of a small picture, in pixels: sharp on high-density screens at the size shown. */
const longest = 192;

/** An image scaled down to fit; small ones are unchanged. */
export async function smallPicture({ width, height, data }: RgbImage): Promise<Picture> {
  const { default: sharp } = await import("sharp");
  const { data: bytes, info } = await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(longest, longest, { fit: "inside", withoutEnlargement: true })
    .webp({ quality: 72 })
    .toBuffer({ resolveWithObject: true });
  return { bytes, type: "image/webp", width: info.width, height: info.height };
}

/** The picture of a sample; undefined when it cannot be read. */
export async function samplePicture(source: SampleSource): Promise<Picture | undefined> {
  return readSample(source, { jpeg: "fast" })
    .then(smallPicture)
    .catch(() => undefined);
}
