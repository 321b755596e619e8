/**
 * libjpeg-turbo's own interface, called in the library that `@julusian/jpeg-turbo` brings along: its accurate transform
 * gives Pillow's pixels bit for bit, and parts or fractions of an image cost less than the whole. Where the library
 * cannot be called (Windows, whose build keeps its functions to itself) there is none, and others decode.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import koffi from "koffi";
import type { Box, Pixels, Shrink, Size } from "./image.js";

export interface TurboJpeg {
  /** Size of a JPEG that it can decode; undefined for any other bytes. */
  size(bytes: Uint8Array): Size | undefined;
  /**
   * Pixels that hold at least `box` of the image at 1/`shrink` of its size, in memory from `allocate`; undefined when
   * the data is damaged in any way. Inside the box they are those of the whole image.
   */
  decode(bytes: Uint8Array, box: Box, shrink: Shrink, allocate: (bytes: number) => Uint8Array): Pixels | undefined;
}

/** Numbers of turbojpeg.h, version 3. */
const tj = {
  decompress: 1,
  stopOnWarning: 0,
  subsampling: 4,
  width: 5,
  height: 6,
  colorspace: 8,
  scanLimit: 13,
  rgb: 0,
  /** Colour spaces of one or three channels: RGB, YCbCr and grey. */
  plainColorspaces: [0, 1, 2],
} as const;

/** A progressive file of more scans is a trap, not a picture. */
const mostScans = 500;

/** Multiple of the blocks of any subsampling. */
const alignment = 32;
/** Pixels beside a part that its chroma is interpolated from. */
const margin = 8;

let opened: TurboJpeg | undefined | "none";

/** The library, opened once per thread. */
export function turboJpeg(): TurboJpeg | undefined {
  opened ??= open() ?? "none";
  return opened === "none" ? undefined : opened;
}

function open(): TurboJpeg | undefined {
  for (const path of candidates()) {
    try {
      return bind(koffi.load(path));
    } catch {
      // Not there, or without the functions: the next.
    }
  }
  return undefined;
}

/** Where the package keeps the library: by itself on Linux, inside its addon on macOS. */
function candidates(): string[] {
  if (!["x64", "arm64"].includes(process.arch)) return [];
  try {
    const home = dirname(createRequire(import.meta.url).resolve("@julusian/jpeg-turbo/package.json"));
    const folder = join(home, "prebuilds", `jpeg-turbo-${process.platform}-${process.arch}`);
    return process.platform === "linux"
      ? [folder, `${folder}-musl`].map((f) => join(f, "libturbojpeg.so.0"))
      : [join(folder, "node-napi-v7.node")];
  } catch {
    return [];
  }
}

function bind(library: ReturnType<typeof koffi.load>): TurboJpeg {
  const create = library.func("tj3Init", "void *", ["int"]);
  const set = library.func("tj3Set", "int", ["void *", "int", "int"]);
  const get = library.func("tj3Get", "int", ["void *", "int"]);
  const readHeader = library.func("tj3DecompressHeader", "int", ["void *", "uint8_t *", "size_t"]);
  const scale = library.func("tj3SetScalingFactor", "int", ["void *", "int64_t"]);
  const crop = library.func("tj3SetCroppingRegion", "int", ["void *", "int64_t", "int64_t"]);
  const decompress = library.func("tj3Decompress8", "int", [
    "void *",
    "uint8_t *",
    "size_t",
    "uint8_t *",
    "int",
    "int",
  ]);
  const handle: unknown = create(tj.decompress);
  if (!handle) throw new Error("libjpeg-turbo gave no decoder");
  set(handle, tj.stopOnWarning, 1);
  set(handle, tj.scanLimit, mostScans);

  const size = (bytes: Uint8Array): Size | undefined => {
    if (readHeader(handle, bytes, bytes.length) !== 0) return undefined;
    const colorspace: number = get(handle, tj.colorspace);
    if (!tj.plainColorspaces.some((c) => c === colorspace)) return undefined;
    return { width: get(handle, tj.width), height: get(handle, tj.height) };
  };

  return {
    size,
    decode(bytes, box, shrink, allocate) {
      const whole = size(bytes);
      if (!whole) return undefined;
      const width = Math.ceil(whole.width / shrink);
      const height = Math.ceil(whole.height / shrink);
      // Unusual subsampling cannot be cropped.
      const all = { left: 0, top: 0, width, height };
      const part = get(handle, tj.subsampling) < 0 ? all : around(box, width, height);
      // No region is the whole.
      const region = part.width === width && part.height === height ? { left: 0, top: 0, width: 0, height: 0 } : part;
      const pixels = allocate(part.width * part.height * 3);
      const ok =
        scale(handle, pair(1, shrink)) === 0 &&
        crop(handle, pair(region.left, region.top), pair(region.width, region.height)) === 0 &&
        decompress(handle, bytes, bytes.length, pixels, part.width * 3, tj.rgb) === 0;
      return ok ? { ...part, data: pixels } : undefined;
    },
  };
}

/**
 * Two 32-bit integers as they stand in a register. The library takes small structures of integers by value, which on
 * these processors is the same; as objects their fields would be read while a thread is being ended, and crash it.
 */
const pair = (low: number, high: number): bigint => BigInt(low) | (BigInt(high) << 32n);

/** The part that is decoded for a box: from a block's border, with what its edges are interpolated from. */
function around(box: Box, width: number, height: number): Box {
  const left = Math.max(0, Math.floor((box.left - margin) / alignment) * alignment);
  const top = Math.max(0, box.top - margin);
  const right = Math.min(width, box.left + box.width + margin);
  const bottom = Math.min(height, box.top + box.height + margin);
  return { left, top, width: right - left, height: bottom - top };
}
