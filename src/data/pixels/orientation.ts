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
  const data = new Uint8Array(size.width * size.height * 3);
  const rowBytes = pixels.width * 3;
  // Steps in the stored image for one pixel right and one row down in the upright one.
  const across = turn.leftward ? -3 : 3;
  const down = turn.upward ? -rowBytes : rowBytes;
  const [right, below] = turn.transposed ? [down, across] : [across, down];
  const first = (turn.leftward ? rowBytes - 3 : 0) + (turn.upward ? (pixels.height - 1) * rowBytes : 0);
  let to = 0;
  for (let y = 0; y < size.height; y++) {
    let from = first + y * below;
    for (let x = 0; x < size.width; x++) {
      data[to++] = pixels.data[from];
      data[to++] = pixels.data[from + 1];
      data[to++] = pixels.data[from + 2];
      from += right;
    }
  }
  return { ...place, ...size, data };
}
