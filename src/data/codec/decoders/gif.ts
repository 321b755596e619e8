/**
 * The first frame of a GIF as Pillow converts it to RGB: a transparent pixel has its colour in the palette, and pixels
 * outside the frame that of the transparent index, or of index 0. (libvips composites onto black, losing these
 * colours.)
 */
import type { RgbImage } from "../../pixels/image.js";
import { checkSize, cut, damaged } from "./undecodable.js";

interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly interlaced: boolean;
  /** Undefined if there is none: indices are then grey levels. */
  readonly palette: Uint8Array | undefined;
  readonly transparent: number | undefined;
  /** Bits of a pixel, the initial size of the codes. */
  readonly codeBits: number;
  /** Offset of the data blocks. */
  readonly data: number;
}

/** Reads the first frame; throws Undecodable. */
export function decodeGif(bytes: Uint8Array, limit: number, withAlpha = false): RgbImage {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 13) throw cut();
  const frame = findFrame(file);
  const width = Math.max(file.readUInt16LE(6), frame.left + frame.width);
  const height = Math.max(file.readUInt16LE(8), frame.top + frame.height);
  checkSize(width, height, limit);
  if (frame.width < 1 || frame.height < 1) throw damaged("there is no picture in it");
  const indices = new Uint8Array(frame.width * frame.height);
  unpackCodes(file, frame, indices);
  const color = colorsOf(frame);
  const data = new Uint8Array(width * height * 3);
  const beside = color.subarray(3 * (frame.transparent ?? 0), 3 * (frame.transparent ?? 0) + 3);
  if (beside.some((value) => value > 0) && indices.length < width * height)
    for (let at = 0; at < data.length; at += 3) data.set(beside, at);
  const { transparent } = frame;
  const alpha =
    withAlpha && transparent !== undefined
      ? new Uint8Array(width * height).fill(indices.length < width * height ? 0 : 255)
      : undefined;
  let from = 0;
  for (const y of rowsOf(frame)) {
    for (let x = 0, to = ((frame.top + y) * width + frame.left) * 3; x < frame.width; x++, from++) {
      const at = 3 * indices[from];
      if (alpha) alpha[to / 3] = indices[from] === transparent ? 0 : 255;
      data[to++] = color[at];
      data[to++] = color[at + 1];
      data[to++] = color[at + 2];
    }
  }
  return { width, height, data, ...(alpha ? { alpha } : {}) };
}

/** RGB for each of 256 indices: black for entries missing from a palette, unless it is that of grey levels. */
function colorsOf({ palette = new Uint8Array() }: Frame): Uint8Array {
  const grey = Uint8Array.from({ length: 768 }, (_, i) => i / 3);
  if (palette.every((value, i) => value === grey[i])) return grey;
  const colors = new Uint8Array(768);
  colors.set(palette);
  return colors;
}

function findFrame(file: Buffer): Frame {
  const shared = paletteAt(file, 10, 13);
  let at = 13 + (shared?.length ?? 0);
  let transparent: number | undefined;
  for (;;) {
    if (at >= file.length) throw cut();
    const kind = file[at++];
    if (kind === 0x2c) break;
    if (kind === 0x3b) throw damaged("there is no picture in it");
    if (kind !== 0x21) continue;
    // An extension: its type, then blocks.
    if (file[at] === 0xf9 && file[at + 1] >= 4 && (file[at + 2] & 1) === 1) transparent = file[at + 5];
    at++;
    while (at < file.length && file[at] > 0) at += 1 + file[at];
    at++;
  }
  if (at + 10 > file.length) throw cut();
  const own = paletteAt(file, at + 8, at + 9);
  const data = at + 9 + (own?.length ?? 0);
  if (data >= file.length) throw cut();
  return {
    left: file.readUInt16LE(at),
    top: file.readUInt16LE(at + 2),
    width: file.readUInt16LE(at + 4),
    height: file.readUInt16LE(at + 6),
    interlaced: (file[at + 8] & 0x40) !== 0,
    palette: own ?? shared,
    transparent,
    codeBits: file[data],
    data: data + 1,
  };
}

/** The palette announced by the flags. */
function paletteAt(file: Buffer, flags: number, start: number): Uint8Array | undefined {
  if ((file[flags] & 0x80) === 0) return undefined;
  const end = start + 3 * (2 << (file[flags] & 7));
  if (end > file.length) throw cut();
  return file.subarray(start, end);
}

/** Rows of a frame in the order of its data. */
function* rowsOf({ height, interlaced }: Frame): Generator<number, void> {
  const passes = interlaced
    ? [
        [0, 8],
        [4, 8],
        [2, 4],
        [1, 2],
      ]
    : [[0, 1]];
  for (const [first, step] of passes) for (let y = first; y < height; y += step) yield y;
}

const [mostBits, tableSize] = [12, 4096];

/** Decodes LZW codes to palette indices; throws if they end before `indices` is full, or are invalid. */
function unpackCodes(file: Buffer, { codeBits, data }: Frame, indices: Uint8Array): void {
  if (codeBits < 1 || codeBits >= mostBits) throw damaged("its codes are of no possible length");
  const [clear, end] = [1 << codeBits, (1 << codeBits) + 1];
  // A code represents the string of a previous code followed by an index.
  const before = new Uint16Array(tableSize);
  const last = new Uint8Array(tableSize);
  const string = new Uint8Array(tableSize + 1);
  for (let i = 0; i < Math.min(clear, 256); i++) last[i] = i;
  let [bits, next, previous] = [codeBits + 1, clear + 2, -1];
  let [held, count] = [0, 0];
  let [at, left] = [data, 0];
  let firstOfPrevious = 0;
  let to = 0;
  while (to < indices.length) {
    while (count < bits) {
      if (left === 0) {
        left = file[at++] ?? 0;
        if (left === 0 || at + left > file.length) throw cut();
      }
      held |= file[at++] << count;
      count += 8;
      left--;
    }
    const code = held & ((1 << bits) - 1);
    held >>>= bits;
    count -= bits;
    if (code === clear) {
      [bits, next, previous] = [codeBits + 1, clear + 2, -1];
      continue;
    }
    if (code === end) throw damaged("its data ends before the picture does");
    if (code > next || (previous < 0 && code > clear)) throw damaged("a code in it has no meaning");
    let length = 0;
    let link = code;
    if (code === next) {
      string[length++] = firstOfPrevious;
      link = previous;
    }
    while (link >= clear) {
      string[length++] = last[link];
      link = before[link];
    }
    string[length++] = firstOfPrevious = link;
    if (previous >= 0 && next < tableSize) {
      last[next] = firstOfPrevious;
      before[next] = previous;
      if (next === (1 << bits) - 1 && bits < mostBits) bits++;
      next++;
    }
    previous = code;
    while (length > 0 && to < indices.length) indices[to++] = string[--length];
  }
}
