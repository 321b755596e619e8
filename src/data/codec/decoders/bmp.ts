/**
 * Windows and OS/2 bitmaps, as Pillow reads them: 1, 4, 8, 16, 24 and 32 bits, run-length encoded or not, bottom-up or
 * top-down.
 */
import type { RgbImage, Size } from "../../pixels/image.js";
import { checkSize, cut, damaged, unsupported } from "./undecodable.js";

interface Header extends Size {
  readonly bits: number;
  readonly compression: number;
  /** Offset of the pixels. */
  readonly pixels: number;
  readonly topDown: boolean;
  /** Blue, green, red and possibly a padding byte for each colour. */
  readonly palette: Uint8Array;
  readonly paletteStep: 3 | 4;
  readonly masks: readonly [red: number, green: number, blue: number];
}

const compressions = { none: 0, rle8: 1, rle4: 2, fields: 3 } as const;
const otherCompressions: Readonly<Record<number, string>> = { 4: "JPEG", 5: "PNG", 6: "bit fields with alpha" };
const headerSizes = [12, 40, 52, 56, 64, 108, 124];

/** Reads a bitmap; throws Undecodable. */
export function decodeBmp(bytes: Uint8Array, limit: number): RgbImage {
  const header = readHeader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  checkSize(header.width, header.height, limit);
  const { compression, bits } = header;
  if (compression === compressions.rle4 || compression === compressions.rle8)
    return fromIndices(header, unpackRuns(bytes, header), header.width, 8);
  const stride = Math.floor((header.width * bits + 31) / 32) * 4;
  const needed = stride * (header.height - 1) + Math.ceil((header.width * bits) / 8);
  if (header.pixels + needed > bytes.length) throw cut();
  const data = bytes.subarray(header.pixels);
  return bits <= 8 ? fromIndices(header, data, stride, bits) : fromFields(header, data, stride);
}

function readHeader(file: Buffer): Header {
  if (file.length < 18) throw cut();
  const size = file.readUInt32LE(14);
  if (!headerSizes.includes(size)) throw unsupported(`a BMP with a header of ${size} bytes`);
  const end = 14 + size;
  if (file.length < end) throw cut();
  const old = size === 12;
  const rawHeight = old ? file.readUInt16LE(20) : file.readInt32LE(22);
  const bits = file.readUInt16LE(old ? 24 : 28);
  const compression = old ? compressions.none : file.readUInt32LE(30);
  const stated = old ? 0 : file.readUInt32LE(46);
  if (![1, 4, 8, 16, 24, 32].includes(bits)) throw unsupported(`a BMP with ${bits} bits per pixel`);
  checkCompression(compression, bits);
  // Colour masks follow the smallest header that has them, and are part of the larger ones.
  const behind = compression === compressions.fields && size === 40 ? 12 : 0;
  if (file.length < end + behind) throw cut();
  const paletteStep = old ? 3 : 4;
  const colors = bits > 8 ? 0 : stated || 1 << bits;
  if (colors > 65_536) throw damaged(`a palette of ${colors} colours`);
  const palette = file.subarray(end + behind, end + behind + colors * paletteStep);
  const given = file.readUInt32LE(10);
  // Some writers state the end of the header, forgetting the palette.
  const pixels = given === end && bits <= 8 ? given + colors * paletteStep : given || end + behind + palette.length;
  return {
    ...{ bits, compression, pixels, palette, paletteStep },
    width: old ? file.readUInt16LE(18) : file.readUInt32LE(18),
    height: Math.abs(rawHeight),
    topDown: rawHeight < 0,
    masks: masksOf(file, compression, bits),
  };
}

function checkCompression(compression: number, bits: number): void {
  const { none, rle8, rle4, fields } = compressions;
  const fits =
    compression === none ||
    (compression === rle8 && bits === 8) ||
    (compression === rle4 && bits === 4) ||
    (compression === fields && bits >= 16);
  if (fits) return;
  const name = otherCompressions[compression] ?? `number ${compression}`;
  throw unsupported(`a BMP with ${bits} bits per pixel and ${name} compression`);
}

/** Layouts of colours that Pillow supports; a fourth mask, for alpha, is ignored. */
const layouts: Readonly<Record<number, readonly string[]>> = {
  16: ["f800 7e0 1f", "7c00 3e0 1f"],
  24: ["ff0000 ff00 ff"],
  32: ["ff0000 ff00 ff", "ff000000 ff0000 ff00", "ff000000 ff00 ff", "ff ff00 ff0000"],
};

function masksOf(file: Buffer, compression: number, bits: number): Header["masks"] {
  const usual = bits === 16 ? ([0x7c00, 0x3e0, 0x1f] as const) : ([0xff0000, 0xff00, 0xff] as const);
  if (compression !== compressions.fields) return usual;
  const masks = [file.readUInt32LE(54), file.readUInt32LE(58), file.readUInt32LE(62)] as const;
  if (bits === 32 && masks.every((mask) => mask === 0)) return usual;
  const layout = masks.map((mask) => mask.toString(16)).join(" ");
  if (!layouts[bits].includes(layout)) throw unsupported(`a BMP with the colour masks ${layout}`);
  return masks;
}

/** Converts palette indices of `bits` bits, in rows `stride` bytes apart, to colours. */
function fromIndices(header: Header, data: Uint8Array, stride: number, bits: number): RgbImage {
  const { width, height, topDown, palette, paletteStep } = header;
  const colors = new Uint8Array(3 * 256); // entries missing from the palette are black
  for (let i = 0; i < Math.min(256, Math.floor(palette.length / paletteStep)); i++)
    for (let c = 0; c < 3; c++) colors[3 * i + c] = palette[i * paletteStep + 2 - c];
  const rgb = new Uint8Array(width * height * 3);
  const [perByte, mask] = [8 / bits, (1 << bits) - 1];
  for (let y = 0; y < height; y++) {
    const row = (topDown ? y : height - 1 - y) * stride;
    for (let x = 0; x < width; x++) {
      const shift = 8 - bits - (x % perByte) * bits;
      const index = (data[row + Math.floor(x / perByte)] >> shift) & mask;
      for (let c = 0; c < 3; c++) rgb[(y * width + x) * 3 + c] = colors[3 * index + c];
    }
  }
  return { width, height, data: rgb };
}

/** Pixels of 16, 24 or 32 bits, with colours given by the masks. */
function fromFields({ width, height, bits, topDown, masks }: Header, data: Uint8Array, stride: number): RgbImage {
  const rgb = new Uint8Array(width * height * 3);
  const step = bits / 8;
  const fields = masks.map((mask) => {
    const shift = 31 - Math.clz32(mask & -mask);
    return { shift, most: mask >>> shift };
  });
  for (let y = 0; y < height; y++) {
    const row = (topDown ? y : height - 1 - y) * stride;
    for (let x = 0; x < width; x++) {
      const at = row + x * step;
      const to = (y * width + x) * 3;
      if (step === 2) {
        const pixel = data[at] | (data[at + 1] << 8);
        fields.forEach(({ shift, most }, c) => {
          rgb[to + c] = Math.floor((((pixel >> shift) & most) * 255) / most);
        });
      } else for (let c = 0; c < 3; c++) rgb[to + c] = data[at + fields[c].shift / 8];
    }
  }
  return { width, height, data: rgb };
}

/** Expands run lengths to one index per byte, in file order. Throws if they end before the picture does. */
function unpackRuns(bytes: Uint8Array, { width, height, pixels, compression }: Header): Uint8Array {
  const half = compression === compressions.rle4;
  const indices = new Uint8Array(width * height);
  let at = pixels;
  let to = 0;
  let x = 0;
  while (to < indices.length) {
    if (at + 2 > bytes.length) throw cut();
    const [count, value] = [bytes[at], bytes[at + 1]];
    at += 2;
    if (count > 0) {
      const run = Math.min(count, Math.max(0, width - x), indices.length - to);
      for (let i = 0; i < run; i++) indices[to++] = !half ? value : i % 2 === 0 ? value >> 4 : value & 15;
      x += run;
    } else if (value === 0) {
      to += (width - (to % width)) % width;
      x = 0;
    } else if (value === 1) {
      throw damaged("its data ends before the picture does");
    } else if (value === 2) {
      if (at + 2 > bytes.length) throw cut();
      to = Math.min(indices.length, to + bytes[at] + bytes[at + 1] * width);
      at += 2;
      x = to % width;
    } else {
      const run = Math.min(value, indices.length - to);
      const length = half ? Math.ceil(run / 2) : run;
      if (at + length > bytes.length) throw cut();
      for (let i = 0; i < run; i++)
        indices[to++] = !half ? bytes[at + i] : i % 2 === 0 ? bytes[at + (i >> 1)] >> 4 : bytes[at + (i >> 1)] & 15;
      at += length + (length % 2);
      x += value;
    }
  }
  return indices;
}
