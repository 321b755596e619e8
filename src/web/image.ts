/** Pictures as a page has them, to pixels: decoded by the browser, without a change of colours or size. */
import type { RgbImage } from "../data/pixels/image.js";
import { type PixelImage, rgbOf } from "../data/pixels/pixel-image.js";
import { FileError, UsageError } from "../errors/errors.js";
import { shown } from "../errors/options.js";
import type { NamedImage, ReadFor } from "../evaluation/called-classifier.js";
import { bytesOf, type FileInput, nameOf } from "./fetched.js";
import { withoutOrientation } from "./unoriented.js";

/** What a page shows that has pixels. */
export type Shown = ImageBitmap | HTMLImageElement | HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas;

/** A picture: an image file, what a page shows, or pixels (`ImageData`, or RGB). */
export type ImageInput = FileInput | Shown | PixelImage;

/** Larger pictures are refused, as Pillow and deit's other decoders do. */
const mostPixels = 178_956_970;

/** Decodes a picture. `place` names one without a name. Throws FileError, DownloadError or UsageError. */
export async function readImage(input: ImageInput, { exif }: ReadFor, place = "the image"): Promise<NamedImage> {
  if (isPixels(input)) return { name: place, image: rgbOf(input, place) };
  if (isShown(input)) return { name: place, image: await pixelsOf(await shownNow(input, place), place) };
  const name = nameOf(input, place);
  const { bytes } = await bytesOf(input, place);
  const upright = exif === "apply" ? bytes : withoutOrientation(bytes);
  return { name, image: await pixelsOf(await decoded(new Blob([upright]), name), name) };
}

const isPixels = (input: ImageInput): input is PixelImage =>
  typeof input === "object" && input !== null && "data" in input && "width" in input && "height" in input;

/** Kinds of what a page shows; workers and older browsers lack some. */
const shownKinds = ["ImageBitmap", "HTMLImageElement", "HTMLVideoElement", "HTMLCanvasElement", "OffscreenCanvas"];

/** By their names, so that elements of another frame are known too. */
const isShown = (input: ImageInput): input is Shown =>
  shownKinds.includes(Object.prototype.toString.call(input).slice(8, -1));

async function shownNow(input: Shown, place: string): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(input);
  } catch (cause) {
    throw new UsageError(
      `The ${shown(input).replace(/^an? /, "")} given for ${place} shows nothing that has pixels, or not yet; give it when it has loaded and is not empty.`,
      { cause },
    );
  }
}

async function decoded(blob: Blob, name: string): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch (cause) {
    const what = blob.size === 0 ? "is empty" : "is no picture that this browser can decode";
    throw new FileError(name, `"${name}" ${what}; give a JPEG, PNG or WebP file.`, { cause });
  }
}

async function pixelsOf(bitmap: ImageBitmap, name: string): Promise<RgbImage> {
  try {
    const { width, height } = bitmap;
    if (width * height > mostPixels)
      throw new UsageError(`"${name}" has ${width}×${height} pixels; give a picture of at most ${mostPixels}.`);
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    if (!context) throw new UsageError(`This browser has no memory for the ${width}×${height} pixels of "${name}".`);
    context.drawImage(bitmap, 0, 0);
    const { data } = readable(context, width, height, name);
    return rgbOf({ width, height, data: isOpaque(data) ? data : straightPixels(bitmap, name) }, name);
  } finally {
    bitmap.close();
  }
}

/** Pictures of another origin can be shown, but not read, unless their server allows it. */
function readable(context: OffscreenCanvasRenderingContext2D, width: number, height: number, name: string): ImageData {
  try {
    return context.getImageData(0, 0, width, height, { colorSpace: "srgb" });
  } catch (cause) {
    const other = cause instanceof DOMException && cause.name === "SecurityError";
    throw new UsageError(
      other
        ? `The browser does not let this page read the pixels of "${name}", which come from another origin; load it with crossorigin="anonymous" from a server that allows it (CORS), or give a file.`
        : `This browser has no memory for the ${width}×${height} pixels of "${name}"; give a smaller picture.`,
      { cause },
    );
  }
}

function isOpaque(rgba: Uint8ClampedArray): boolean {
  for (let i = 3; i < rgba.length; i += 4) if (rgba[i] !== 255) return false;
  return true;
}

/**
 * Pixels of a picture with transparency. A 2D canvas stores colours times alpha and so loses some; alpha is dropped here
 * without being applied, as in Pillow's conversion to RGB, so the colours are read through WebGL.
 */
function straightPixels(bitmap: ImageBitmap, name: string): Uint8Array {
  const { width, height } = bitmap;
  const gl = new OffscreenCanvas(1, 1).getContext("webgl2");
  if (!gl || width > gl.getParameter(gl.MAX_TEXTURE_SIZE) || height > gl.getParameter(gl.MAX_TEXTURE_SIZE))
    throw new UsageError(
      `This browser cannot read the pixels of "${name}", ${width}×${height}: it has transparency, or is longer than a canvas can be; give a smaller picture, or one without transparency.`,
    );
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  const rgba = new Uint8Array(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, rgba);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return rgba;
}
