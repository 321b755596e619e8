/** Images as given by callers: a path, a URL, the bytes of a file, or pixels. */
import { fileURLToPath } from "node:url";
import { decodeImage } from "../data/codec/decode.js";
import { type PixelImage, rgbOf } from "../data/pixels/pixel-image.js";
import { readSample } from "../data/view/view.js";
import { DownloadError, UsageError } from "../errors/errors.js";
import { shown as shownValue } from "../errors/options.js";
import { decodedFor, type NamedImage, type ReadFor } from "../evaluation/called-classifier.js";
import { request, shown } from "../system/net/http.js";
import { networkReason } from "../system/net/network-reason.js";
import { paced } from "../system/net/paced.js";

/** An image: a path, a URL (`http:`, `https:`, `file:`, also as a string), an image file's content, or pixels. */
export type ImageInput = string | URL | Uint8Array | ArrayBuffer | Blob | PixelImage;

/**
 * Reads and decodes an image exactly. `place` names one without a name. Throws FileError, DownloadError or
 * UsageError.
 */
export async function readImage(input: ImageInput, view: ReadFor, place = "the image"): Promise<NamedImage> {
  if (typeof input === "string" || input instanceof URL) return readPlace(input, view);
  const bytes = await contentOf(input);
  if (bytes) return { name: place, image: await decodeImage(bytes, { name: place, ...decodedFor(view) }) };
  if (isPixels(input)) return { name: place, image: rgbOf(input, place) };
  throw new UsageError(
    `${place[0].toUpperCase()}${place.slice(1)} is ${shownValue(input)}; give a path, a URL, the content of an image file (Uint8Array, ArrayBuffer or Blob), or { width, height, data }.`,
  );
}

async function contentOf(input: Uint8Array | ArrayBuffer | Blob | PixelImage): Promise<Uint8Array | undefined> {
  if (input instanceof Uint8Array) return input;
  if (input instanceof Blob) return new Uint8Array(await input.arrayBuffer());
  return input instanceof ArrayBuffer ? new Uint8Array(input) : undefined;
}

const isPixels = (input: unknown): input is PixelImage =>
  typeof input === "object" && input !== null && "width" in input && "height" in input && "data" in input;

async function readPlace(place: string | URL, view: ReadFor): Promise<NamedImage> {
  const url = place instanceof URL ? place : /^(https?|file):\/\//i.test(place) ? parsed(place) : undefined;
  if (url && url.protocol !== "file:") {
    const name = shown(url);
    return { name, image: await decodeImage(await fetched(url), { name, ...decodedFor(view) }) };
  }
  const path = url ? pathOf(url) : String(place);
  return { name: path, image: await readSample({ kind: "file", path }, decodedFor(view)) };
}

function parsed(text: string): URL {
  if (URL.canParse(text)) return new URL(text);
  throw new UsageError(`${JSON.stringify(text)} is not a valid URL; check it.`);
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new UsageError(`${url.href} does not name a file of this machine; give its path.`, { cause: error });
  }
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
