/** Images as given by callers: a path, a URL, the bytes of a file, or pixels. */
import { fileURLToPath } from "node:url";
import { decodeImage, type Exif } from "../data/codec/decode.js";
import type { RgbImage } from "../data/pixels/image.js";
import { type PixelImage, rgbOf } from "../data/pixels/pixel-image.js";
import { readSample } from "../data/view/view.js";
import { DownloadError } from "../errors/errors.js";
import { request, shown } from "../system/net/http.js";
import { networkReason } from "../system/net/network-reason.js";
import { paced } from "../system/net/paced.js";

/** An image: a path, a URL (`http:`, `https:`, `file:`, also as a string), an image file's bytes, or pixels. */
export type ImageInput = string | URL | Uint8Array | PixelImage;

/** An image to classify, and its name for messages. */
export interface NamedImage {
  readonly name: string;
  readonly image: RgbImage;
}

/**
 * Reads and decodes an image exactly. `at` is the index in an array of images. Throws FileError, DownloadError or
 * UsageError.
 */
export async function readImage(input: ImageInput, exif: Exif, at?: number): Promise<NamedImage> {
  const place = at === undefined ? "the image" : `image ${at}`;
  if (input instanceof Uint8Array)
    return { name: place, image: await decodeImage(input, { name: place, jpeg: "exact", exif }) };
  if (typeof input === "string" || input instanceof URL) return readPlace(input, exif);
  return { name: place, image: rgbOf(input, place) };
}

async function readPlace(place: string | URL, exif: Exif): Promise<NamedImage> {
  const url = place instanceof URL ? place : /^(https?|file):\/\//i.test(place) ? new URL(place) : undefined;
  if (url && url.protocol !== "file:") {
    const name = shown(url);
    return { name, image: await decodeImage(await fetched(url), { name, jpeg: "exact", exif }) };
  }
  const path = url ? fileURLToPath(url) : String(place);
  return { name: path, image: await readSample({ kind: "file", path }, { jpeg: "exact", exif }) };
}

/** Larger than any photograph. */
const largestDownload = 256 * 2 ** 20;

async function fetched(url: URL): Promise<Uint8Array> {
  try {
    return await body(url);
  } catch (error) {
    if (error instanceof DownloadError) throw error;
    throw new DownloadError(`Cannot fetch ${shown(url)}: ${networkReason(error)}.`, { cause: error });
  }
}

async function body(url: URL): Promise<Uint8Array> {
  const response = await request(url);
  if (response.statusCode !== 200) {
    response.destroy();
    throw new DownloadError(`${shown(url)} answered with status ${response.statusCode}; check the address.`);
  }
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of paced(response as AsyncIterable<Buffer>)) {
    size += piece.length;
    if (size > largestDownload) {
      response.destroy();
      throw new DownloadError(`${shown(url)} is larger than ${largestDownload / 2 ** 20} MiB; give a smaller image.`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
