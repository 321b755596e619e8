/** The pixels of WebP files by libwebp in WebAssembly, in half of the time that libvips takes around the same library. */
import type { WebpDecoder } from "#webp";
import { packagedFile } from "../../../system/files/package-root.js";
import type { RgbImage, Size } from "../../pixels/image.js";
import type { PlainWebp } from "./webp-layout.js";

/** A decoder's memory never shrinks: after a picture with more pixels, the next one gets a new decoder. */
const mostKept = 1 << 23;

/** This thread's compiled library, and its decoder. */
let library: WebAssembly.Module | undefined;
let decoder: Promise<WebpDecoder> | undefined;

/** In memory from `allocate`; undefined if libwebp does not decode the file to a picture of the stated size. */
export async function webpPixels(
  { width, height, file }: PlainWebp,
  allocate: (bytes: number) => Uint8Array,
): Promise<RgbImage | undefined> {
  decoder ??= started();
  const { decode } = await decoder;
  if (width * height > mostKept) decoder = undefined;
  try {
    const image = decode(file) as Rgba | null;
    if (image?.width !== width || image.height !== height) return undefined;
    return { width, height, data: withoutAlpha(image.data, allocate) };
  } catch {
    // Out of memory, after which a decoder is of no use.
    decoder = undefined;
    return undefined;
  }
}

interface Rgba extends Size {
  readonly data: Uint8ClampedArray;
}

async function started(): Promise<WebpDecoder> {
  const { default: load } = await import("#webp");
  // The decoder calls the global function of this name for its result.
  Object.assign(globalThis, {
    _icodec_ImageData: (data: Uint8ClampedArray, width: number, height: number): Rgba => ({ width, height, data }),
  });
  library ??= new WebAssembly.Module(packagedFile("vendor/webp/webp-dec.wasm"));
  const compiled = library;
  return load({
    instantiateWasm(imports, done) {
      const instance = new WebAssembly.Instance(compiled, imports);
      done(instance);
      return instance.exports;
    },
  });
}

function withoutAlpha(rgba: Uint8ClampedArray, allocate: (bytes: number) => Uint8Array): Uint8Array {
  const data = allocate((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    data[to] = rgba[from];
    data[to + 1] = rgba[from + 1];
    data[to + 2] = rgba[from + 2];
  }
  return data;
}
