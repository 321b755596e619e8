/** Why a decoder returns no pixels; `decode.ts` turns it into a sentence. */
import type { Size } from "../../pixels/image.js";

export type Reason =
  /** The data is truncated. */
  | { readonly kind: "cut" }
  /** The data is inconsistent. */
  | { readonly kind: "damaged"; readonly how?: string }
  /** Apparently valid, but of an unsupported kind: "a TIFF with zstd compression". */
  | { readonly kind: "unsupported"; readonly what: string }
  /** More pixels than are allowed. */
  | { readonly kind: "large"; readonly width: number; readonly height: number; readonly limit: number }
  /** A picture that a decoder must hold in memory besides its pixels, and that is too large for that. */
  | { readonly kind: "memory"; readonly how: WholeKind; readonly bytes: number; readonly limit: number };

/** Ways to store a picture that prevent decoding row by row, and what to do if that takes too much memory. */
export const wholeKinds = {
  "an interlaced PNG": "save it as one that is not interlaced",
  "a progressive JPEG": "save it as one that is not progressive",
  "an AVIF": "convert it to JPEG or PNG",
  "a TIFF": "convert it to JPEG or PNG",
} as const;

export type WholeKind = keyof typeof wholeKinds;

export class Undecodable extends Error {
  constructor(
    readonly reason: Reason,
    options?: ErrorOptions,
  ) {
    super(reason.kind, options);
  }
}

export const cut = (): Undecodable => new Undecodable({ kind: "cut" });

export const damaged = (how?: string): Undecodable => new Undecodable({ kind: "damaged", how });

export const unsupported = (what: string): Undecodable => new Undecodable({ kind: "unsupported", what });

/** Memory that decoding a picture may take besides its file: 9 bytes for each pixel of Pillow's limit. */
const mostMemory = 1.5 * 2 ** 30;

/** Whether a picture with this many bytes per pixel besides its RGB is within a decoder's memory limit. */
export const fitsMemory = (size: Size, bytesPerPixel: number): boolean => memoryOf(size, bytesPerPixel) <= mostMemory;

/** Throws if it is not. */
export function checkMemory(how: WholeKind, size: Size, bytesPerPixel: number): void {
  if (fitsMemory(size, bytesPerPixel)) return;
  throw new Undecodable({ kind: "memory", how, bytes: memoryOf(size, bytesPerPixel), limit: mostMemory });
}

const memoryOf = ({ width, height }: Size, bytesPerPixel: number): number => width * height * (bytesPerPixel + 3);

/** Throws if a size is invalid, or has more pixels than the limit. */
export function checkSize(width: number, height: number, limit: number): void {
  if (width < 1 || height < 1) throw damaged("it says that it has no pixels");
  if (width * height > limit) throw new Undecodable({ kind: "large", width, height, limit });
}
