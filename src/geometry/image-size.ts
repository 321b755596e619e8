/** Sizes of images: one number for a square, two for any other shape. */

/** Size of images in pixels: the side of a square, or `[height, width]`, as timm's img_size. */
export type ImageSize = number | readonly [height: number, width: number];

/** Rows and columns of a grid of patches or of what stands for them. */
export type Grid = readonly [rows: number, columns: number];

/** Both sides. */
export const heightAndWidth = (size: ImageSize): readonly [height: number, width: number] =>
  typeof size === "number" ? [size, size] : size;

/** The same with names. */
export function sidesOf(size: ImageSize): { readonly height: number; readonly width: number } {
  const [height, width] = heightAndWidth(size);
  return { height, width };
}

/** The size with these sides; a square's is one number, so that equal sizes look alike. */
export const imageSizeOf = (height: number, width: number): ImageSize => (height === width ? height : [height, width]);

/** The same size, a square's as one number. */
export const plainSize = (size: ImageSize): ImageSize => imageSizeOf(...heightAndWidth(size));

/** The size with other sides. */
export const mapSides = (size: ImageSize, side: (length: number) => number): ImageSize => {
  const [height, width] = heightAndWidth(size);
  return imageSizeOf(side(height), side(width));
};

/** The size to which images are resized before the share `cropRatio` of each side is cut out, rounded down. */
export const beforeCrop = (size: ImageSize, cropRatio: number): ImageSize =>
  mapSides(size, (side) => Math.floor(side / cropRatio));

/** The longer side. */
export const largestSide = (size: ImageSize): number => Math.max(...heightAndWidth(size));

/** The shorter side. */
export const smallestSide = (size: ImageSize): number => Math.min(...heightAndWidth(size));

/** Pixels of an image of this size. */
export function pixelCount(size: ImageSize): number {
  const [height, width] = heightAndWidth(size);
  return height * width;
}

export const sameSize = (a: ImageSize, b: ImageSize): boolean => sizeInWords(a) === sizeInWords(b);

/** "224" for a square, otherwise "160×224", the height first. */
export function sizeInWords(size: ImageSize): string {
  const [height, width] = heightAndWidth(size);
  return height === width ? String(height) : `${height}×${width}`;
}

/** Whether a value is a size: whole numbers of pixels from 1 to `most`. */
export function isImageSize(value: unknown, most = Number.MAX_SAFE_INTEGER): value is ImageSize {
  const sides = Array.isArray(value) ? (value.length === 2 ? value : []) : [value];
  return sides.length > 0 && sides.every((side) => Number.isInteger(side) && side >= 1 && side <= most);
}

/** The longest side that files of other programs may state, in pixels. */
export const mostStated = 8192;

/** A size that a file states as one number or as [height, width]; undefined for anything else. */
export const asImageSize = (value: unknown, most = mostStated): ImageSize | undefined =>
  isImageSize(value, most) ? plainSize(value) : undefined;

/** A caller's option that is a size. */
export const imageSizeOption = {
  allows: (value: unknown): boolean => isImageSize(value),
  expected: "a whole number of pixels, 1 or more, or two as [height, width]",
};
