/** Restores images that are stored rotated or mirrored to upright: EXIF's eight orientations. */
import type { Box, Picture, Pixels, Shrink, Size } from "./image.js";

/** How to handle the orientation that a camera records in an image. */
export type Exif = "ignore" | "apply";

/** As numbered by EXIF: 1 is upright, 6 has to be rotated clockwise by 90 degrees. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/**
 * How the upright image maps to the stored one: whether its columns are rows there, and which of its axes are reversed.
 */
interface Turn {
  readonly transposed: boolean;
  readonly leftward: boolean;
  readonly upward: boolean;
}

const turnOf = (orientation: Orientation): Turn => ({
  transposed: orientation >= 5,
  leftward: [2, 3, 7, 8].includes(orientation),
  upward: [3, 4, 6, 7].includes(orientation),
});

const sides = ({ width, height }: Size, { transposed }: Turn): Size =>
  transposed ? { width: height, height: width } : { width, height };

/** The upright picture. Parts and fractions of it cost as much as those of the stored one. */
export function upright(picture: Picture, orientation: Orientation): Picture {
  if (orientation === 1) return picture;
  const turn = turnOf(orientation);
  return {
    ...sides(picture, turn),
    shrinks: picture.shrinks,
    async pixels(box, shrink = 1) {
      const stored = atFraction(picture, shrink);
      return turned(await picture.pixels(storedBox(box, stored, turn), shrink), stored, turn);
    },
  };
}

/** The size of the upright image. */
export const uprightSize = (stored: Size, orientation: Orientation): Size => sides(stored, turnOf(orientation));

/** Size of an image decoded at a fraction. */
const atFraction = ({ width, height }: Size, shrink: Shrink): Size => ({
  width: Math.ceil(width / shrink),
  height: Math.ceil(height / shrink),
});

/** The position of a box of the upright image in the stored one, which has the size `stored`. */
function storedBox({ left, top, width, height }: Box, stored: Size, turn: Turn): Box {
  const box = turn.transposed ? { left: top, top: left, width: height, height: width } : { left, top, width, height };
  return {
    ...box,
    left: turn.leftward ? stored.width - box.left - box.width : box.left,
    top: turn.upward ? stored.height - box.top - box.height : box.top,
  };
}

/** Converts pixels of the stored image to pixels of the upright one. */
function turned(pixels: Pixels, stored: Size, turn: Turn): Pixels {
  const left = turn.leftward ? stored.width - pixels.left - pixels.width : pixels.left;
  const top = turn.upward ? stored.height - pixels.top - pixels.height : pixels.top;
  const place = turn.transposed ? { left: top, top: left } : { left, top };
  const size = sides(pixels, turn);
  const { data, alpha } = pixels;
  return {
    ...{ ...place, ...size, data: turnedBytes(data, pixels, size, turn, 3) },
    ...(alpha ? { alpha: turnedBytes(alpha, pixels, size, turn, 1) } : {}),
  };
}

/** `each` bytes of every pixel of the stored image, in the order of the upright one of `size`. */
function turnedBytes(bytes: Uint8Array, stored: Size, size: Size, turn: Turn, each: number): Uint8Array {
  const data = new Uint8Array(size.width * size.height * each);
  const rowBytes = stored.width * each;
  // Steps in the stored image for one pixel right and one row down in the upright one.
  const across = turn.leftward ? -each : each;
  const down = turn.upward ? -rowBytes : rowBytes;
  const [right, below] = turn.transposed ? [down, across] : [across, down];
  const first = (turn.leftward ? rowBytes - each : 0) + (turn.upward ? (stored.height - 1) * rowBytes : 0);
  let to = 0;
  for (let y = 0; y < size.height; y++) {
    let from = first + y * below;
    for (let x = 0; x < size.width; x++) {
      for (let c = 0; c < each; c++) data[to++] = bytes[from + c];
      from += right;
    }
  }
  return data;
}
