/**
 * libjpeg-turbo's native interface, called in the library shipped with `@julusian/jpeg-turbo`: its accurate transform
 * yields Pillow's pixels bit for bit, and parts or fractions of an image cost less than the whole. If the library
 * cannot be called (on Windows, whose build does not export its functions), other decoders are used.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import koffi from "koffi";
import type { Box, Pixels, Shrink, Size } from "../../pixels/image.js";
import { underBlack } from "./ink.js";

export interface TurboJpeg {
  /** Size of a JPEG that it can decode; undefined for other data. */
  size(bytes: Uint8Array, damage?: Damage): Size | undefined;
  /**
   * Pixels that include at least `box` of the image at 1/`shrink` of its size, in memory from `allocate`; undefined if
   * the data is damaged. Inside the box they equal those of the whole image.
   */
  decode(
    bytes: Uint8Array,
    box: Box,
    shrink: Shrink,
    allocate: (bytes: number) => Uint8Array,
    damage?: Damage,
  ): Pixels | undefined;
}

/**
 * Which damage is tolerated: none by default, or any from which the library can recover. It then fills in what it
 * cannot decode, as in Pillow.
 */
export type Damage = "none" | "some";

interface Header extends Size {
  /** The data, and how strictly it was read. */
  readonly bytes: Uint8Array;
  readonly damage: Damage;
  /** Whether the colours are inks: CMYK or YCCK. */
  readonly ink: boolean;
}

/** Constants of turbojpeg.h, version 3. */
const tj = {
  decompress: 1,
  stopOnWarning: 0,
  subsampling: 4,
  width: 5,
  height: 6,
  colorspace: 8,
  scanLimit: 13,
  rgb: 0,
  cmyk: 11,
  /** RGB, YCbCr, grey, CMYK, YCCK. */
  firstInkColorspace: 3,
  lastColorspace: 4,
} as const;

/** The library's messages for non-fatal errors. (Its code for them remains when a fatal one follows.) */
const passed = /^(Corrupt JPEG data|Unknown Adobe|Inconsistent progression|Warning|Invalid SOS)/;

/**
 * A progressive file with more scans is malicious. Each costs a pass over all its pixels, so large pictures may have
 * fewer: 10 are usual.
 */
const mostScans = ({ width, height }: Size): number =>
  Math.round(Math.min(500, Math.max(64, 2e9 / (width * height + 1))));

/** Multiple of the block size of any subsampling. */
const alignment = 32;
/** Pixels around a part from which its chroma is interpolated. */
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
      // Missing, or without the functions: try the next.
    }
  }
  return undefined;
}

/** Where the package has the library: as a file on Linux, inside its addon on macOS. */
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
  const errorText = library.func("tj3GetErrorStr", "str", ["void *"]);
  const destroy = library.func("tj3Destroy", "void", ["void *"]);
  const decompress = library.func("tj3Decompress8", "int", [
    "void *",
    "uint8_t *",
    "size_t",
    "uint8_t *",
    "int",
    "int",
  ]);
  const opened = (): unknown => {
    const handle: unknown = create(tj.decompress);
    if (!handle) throw new Error("libjpeg-turbo gave no decoder");
    return handle;
  };
  let handle = opened();
  /** Data that a decoder has refused may affect the next image, so the decoder is replaced. */
  const refuse = (): undefined => {
    destroy(handle);
    handle = opened();
  };

  /** If damage is tolerated, non-fatal errors are not errors. */
  const fine = (code: number, damage: Damage): boolean =>
    code === 0 || (damage === "some" && passed.test(errorText(handle)));

  const header = (bytes: Uint8Array, damage: Damage): Header | undefined => {
    set(handle, tj.stopOnWarning, damage === "none" ? 1 : 0);
    if (!fine(readHeader(handle, bytes, bytes.length), damage)) return undefined;
    const colorspace: number = get(handle, tj.colorspace);
    const width: number = get(handle, tj.width);
    const height: number = get(handle, tj.height);
    if (width < 1 || height < 1 || colorspace < 0 || colorspace > tj.lastColorspace) return undefined;
    return { bytes, damage, width, height, ink: colorspace >= tj.firstInkColorspace };
  };
  /** The header that the decoder read last: pixels are usually requested right after the size. */
  let last: Header | undefined;

  return {
    size(bytes, damage = "none") {
      last = header(bytes, damage);
      return last ?? refuse();
    },
    decode(bytes, box, shrink, allocate, damage = "none") {
      const whole = last?.bytes === bytes && last.damage === damage ? last : header(bytes, damage);
      last = undefined;
      if (!whole) return refuse();
      set(handle, tj.scanLimit, mostScans(whole));
      const width = Math.ceil(whole.width / shrink);
      const height = Math.ceil(whole.height / shrink);
      // Images with unusual subsampling cannot be cropped.
      const all = { left: 0, top: 0, width, height };
      const part = get(handle, tj.subsampling) < 0 ? all : around(box, width, height);
      // An empty region means the whole.
      const region = part.width === width && part.height === height ? { left: 0, top: 0, width: 0, height: 0 } : part;
      const [bytesPerPixel, format] = whole.ink ? [4, tj.cmyk] : [3, tj.rgb];
      const pixels = allocate(part.width * part.height * bytesPerPixel);
      const ok =
        scale(handle, pair(1, shrink)) === 0 &&
        crop(handle, pair(region.left, region.top), pair(region.width, region.height)) === 0 &&
        fine(decompress(handle, bytes, bytes.length, pixels, part.width * bytesPerPixel, format), damage);
      return ok ? { ...part, data: whole.ink ? inkToRgb(pixels) : pixels } : refuse();
    },
  };
}

/** Converts cyan, magenta, yellow and black as Adobe stores them, 255 for no ink, to RGB in place. */
function inkToRgb(pixels: Uint8Array): Uint8Array {
  const count = pixels.length / 4;
  for (let i = 0; i < count; i++) {
    const black = 255 - pixels[4 * i + 3];
    for (let c = 0; c < 3; c++) pixels[3 * i + c] = underBlack(255 - pixels[4 * i + c], black);
  }
  return pixels.subarray(0, 3 * count);
}

/**
 * Two 32-bit integers packed in a register. The library takes small structures of integers by value, which on these
 * processors is equivalent; as objects their fields would be read while a thread is being terminated, and crash it.
 */
const pair = (low: number, high: number): bigint => BigInt(low) | (BigInt(high) << 32n);

/** The part that is decoded for a box: aligned to blocks, with the margin from which its edges are interpolated. */
function around(box: Box, width: number, height: number): Box {
  const left = Math.max(0, Math.floor((box.left - margin) / alignment) * alignment);
  const top = Math.max(0, box.top - margin);
  const right = Math.min(width, box.left + box.width + margin);
  const bottom = Math.min(height, box.top + box.height + margin);
  return { left, top, width: right - left, height: bottom - top };
}
