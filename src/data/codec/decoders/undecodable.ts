/** Why a decoder gives no pixels; `decode.ts` makes a sentence of it. */
import type { Size } from "../../pixels/image.js";

export type Reason =
  /** Not all of it is there. */
  | { readonly kind: "cut" }
  /** What is there contradicts itself. */
  | { readonly kind: "damaged"; readonly how?: string }
  /** Sound, as far as can be seen, but of a kind that is not read: "a TIFF with zstd compression". */
  | { readonly kind: "unsupported"; readonly what: string }
  /** More pixels than are allowed. */
  | { readonly kind: "large"; readonly width: number; readonly height: number; readonly limit: number }
  /** A picture that a decoder must hold whole beside its pixels, and that is too large for that. */
  | { readonly kind: "memory"; readonly how: WholeKind; readonly bytes: number; readonly limit: number };

/** Ways to store a picture that a decoder cannot give row by row, and what helps where that takes too much. */
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

/** What decoding a picture may take beside its file: 9 bytes for each of Pillow's limit of pixels. */
const mostMemory = 1.5 * 2 ** 30;

/** Whether a picture of which so many bytes for a pixel are held beside its RGB takes no more memory than a decoder may. */
export const fitsMemory = (size: Size, bytesPerPixel: number): boolean => memoryOf(size, bytesPerPixel) <= mostMemory;

/** Throws where it does not. */
export function checkMemory(how: WholeKind, size: Size, bytesPerPixel: number): void {
  if (fitsMemory(size, bytesPerPixel)) return;
  throw new Undecodable({ kind: "memory", how, bytes: memoryOf(size, bytesPerPixel), limit: mostMemory });
}

const memoryOf = ({ width, height }: Size, bytesPerPixel: number): number => width * height * (bytesPerPixel + 3);

/** Throws where a size is none, or has more pixels than the limit. */
export function checkSize(width: number, height: number, limit: number): void {
  if (width < 1 || height < 1) throw damaged("it says that it has no pixels");
  if (width * height > limit) throw new Undecodable({ kind: "large", width, height, limit });
}
