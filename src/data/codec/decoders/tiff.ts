/**
 * TIFF, by libvips. It is a container for many formats, some of which libvips decodes wrongly: so the tags are checked
 * first, and anything not known to match Pillow is refused.
 */
import { type Picture, pictureOf, type RgbImage } from "../../pixels/image.js";
import { type Orientation, upright } from "../../pixels/orientation.js";
import { greyToRgb } from "./grey.js";
import { underBlack } from "./ink.js";
import { bytesOfValues, decodeWithSharp, describeWithSharp, type SharpOptions, valuesWithSharp } from "./sharp.js";
import { readTags, type Tags } from "./tiff-tags.js";
import { joinTiles, type LargeTiles, largeTiles } from "./tiff-tiles.js";
import { checkMemory, cut, damaged, Undecodable, unsupported } from "./undecodable.js";

const compressions: ReadonlyMap<number, string> = new Map([
  [6, "old-style JPEG"],
  [9, "JBIG"],
  [10, "JBIG"],
  [32_766, "NeXT"],
  [32_771, "CCITT RLE-W"],
  [32_809, "ThunderScan"],
  [33_003, "JPEG 2000"],
  [33_004, "JPEG 2000"],
  [33_005, "JPEG 2000"],
  [34_661, "JBIG"],
  [34_676, "SGI LogLuv"],
  [34_677, "SGI LogLuv"],
  [34_712, "JPEG 2000"],
  [34_887, "LERC"],
  [34_892, "lossy JPEG"],
  [34_925, "LZMA"],
  [34_933, "PNG"],
  [34_934, "JPEG XR"],
  [50_000, "zstd"],
  [50_001, "WebP"],
  [50_002, "JPEG XL"],
  [52_546, "JPEG XL"],
]);
/** None, three kinds of fax, LZW, JPEG, deflate (two numbers), PackBits. */
const knownCompressions = [1, 2, 3, 4, 5, 7, 8, 32_946, 32_773];
const faxCompressions = [2, 3, 4];
const jpegCompression = 7;

const photometric = { white: 0, black: 1, rgb: 2, palette: 3, ink: 5, ycc: 6 } as const;
const colours: ReadonlyMap<number, string> = new Map([
  [4, "a mask"],
  [8, "CIE Lab colours"],
  [9, "ICC Lab colours"],
  [10, "ITU Lab colours"],
  [32_803, "the raw values of a camera"],
  [32_844, "LogL values"],
  [32_845, "LogLuv colours"],
  [34_892, "the raw values of a camera"],
]);

/** Reads the first picture, rotated according to its tag, as Pillow does on reading; throws Undecodable. */
export async function openTiff(bytes: Uint8Array, maxPixels: number, alpha = false): Promise<Picture> {
  const tags = readTags(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  checkKind(tags);
  checkPlaces(tags, bytes.length);
  const options: SharpOptions = {
    ...{ loader: "tiff", maxPixels, alpha, failOn: "error" },
    check: (about, values) => checkMemory("a TIFF", about, values + heldOfPlanes(tags)),
  };
  const tiles = largeTiles(tags, maxPixels);
  const image = tiles ? await decodeTiles(tags, tiles, options) : await decode(bytes, tags, options);
  const [turn = 1] = tags.of("orientation");
  return upright(pictureOf(image), turn >= 1 && turn <= 8 ? (turn as Orientation) : 1);
}

/** A picture in tiles of which each is read as a file. */
async function decodeTiles(tags: Tags, tiles: LargeTiles, options: SharpOptions): Promise<RgbImage> {
  const [colour = photometric.black] = tags.of("photometric");
  const [bits = 1] = tags.of("bitsPerSample");
  // How bright white is shows the whole picture alone (`greyOf16Bits`).
  if (isGrey(colour) && bits > 8 && tiles.across * tiles.down > 1)
    throw unsupported(`a TIFF of ${bits} bits per value in several tiles that are larger than it`);
  return joinTiles(tags, tiles, (file) => decode(file, readTags(file), options));
}

async function decode(bytes: Uint8Array, tags: Tags, options: SharpOptions): Promise<RgbImage> {
  const [colour = photometric.black] = tags.of("photometric");
  const [bits = 1] = tags.of("bitsPerSample");
  const [format = unsigned] = tags.of("sampleFormat");
  const { length } = tags.of("bitsPerSample");
  if (isGrey(colour) && (bits > 16 || format !== unsigned)) return withinBytes(bytes, tags, options);
  if (colour === photometric.ink && bits === 16) {
    const about = await describeWithSharp(bytes, options, ({ channels }) => bytesOfValues("cmyk", channels));
    const { width, height, channels, data } = await valuesWithSharp(bytes, options, "cmyk", about);
    return { width, height, data: inkToRgb(data, channels) };
  }
  if (colour === photometric.rgb && bits === 16 && length === 4 && tags.of("extraSamples")[0] === premultiplied) {
    // Marked as unassociated alpha, so that the values are returned as stored.
    const file = tags.changed("extraSamples", unassociated);
    const about = await describeWithSharp(file, options, ({ channels }) => bytesOfValues("rgb16", channels));
    const { width, height, data } = await valuesWithSharp(file, options, "rgb16", about);
    return { width, height, data: divided(data), ...(options.alpha ? { alpha: fourthOf(data) } : {}) };
  }
  const [compression = 1] = tags.of("compression");
  return faxCompressions.includes(compression) ? decodeFax(bytes, options) : decodeWithSharp(bytes, options);
}

/**
 * Bytes per pixel that libvips holds for planes with separate strips: strips of all colours, and one more while it is
 * unpacked. It reads other strips row by row, and does not read large tiles.
 */
function heldOfPlanes(tags: Tags): number {
  const [planar = 1] = tags.of("planarConfiguration");
  if (planar !== 2) return 0;
  const [height = 1] = tags.of("height");
  const [rows = height] = tags.of("rowsPerStrip");
  const { length: samples } = tags.of("bitsPerSample");
  const [bits = 1] = tags.of("bitsPerSample");
  return ((samples + 1) * bits * Math.min(1, (2 * rows) / height)) / 8;
}

/**
 * For errors in some fax data, libtiff only gives warnings, as it does for harmless things, and continues with a guess.
 */
async function decodeFax(bytes: Uint8Array, options: SharpOptions): Promise<RgbImage> {
  try {
    return await decodeWithSharp(bytes, { ...options, failOn: "warning" });
  } catch (error) {
    if (!(error instanceof Undecodable) || /line length|code word|EOL|uncompressed/i.test(String(error.cause)))
      throw error;
    return decodeWithSharp(bytes, options);
  }
}

const [unsigned, signed] = [1, 2];
const [premultiplied, unassociated] = [1, 2];

const isGrey = (colour: number): boolean => colour === photometric.white || colour === photometric.black;

/** Grey of 32 bits, signed or floating-point, if its values are within 8 bits: the meaning of others is unknown. */
async function withinBytes(bytes: Uint8Array, tags: Tags, options: SharpOptions): Promise<RgbImage> {
  const [bits = 1] = tags.of("bitsPerSample");
  const [format = unsigned] = tags.of("sampleFormat");
  // Below 32 bits libvips clamps negative values to 0: read as unsigned they are large numbers instead.
  const file = format === signed && bits <= 16 ? tags.changed("sampleFormat", unsigned) : bytes;
  const about = await describeWithSharp(file, options, (of) => bytesOfValues("b-w", of.channels) + 1);
  const { space, channels = 1 } = about;
  const { width, height, data } = await valuesWithSharp(file, options, space === "grey16" ? "grey16" : "b-w", about);
  const end = format === signed && bits === 8 ? 128 : 256;
  const grey = new Uint8Array(width * height);
  let most = 0;
  for (let i = 0; i < grey.length; i++) {
    const value = data[i * channels];
    if (!(value >= 0 && value < end))
      throw unsupported(`a TIFF of ${numberName(bits, format)} that are not all in 0 … 255`);
    grey[i] = value;
    most = Math.max(most, value);
  }
  if (format > signed && most > 0 && most <= 1) throw unsupported("a TIFF of floating-point numbers from 0 to 1");
  return { width, height, data: greyToRgb(grey) };
}

const numberName = (bits: number, format: number): string =>
  format > signed ? "floating-point numbers" : `${format === signed ? "signed " : ""}numbers of ${bits} bits`;

function inkToRgb(ink: Uint16Array, channels: number): Uint8Array {
  const rgb = new Uint8Array((ink.length / channels) * 3);
  for (let from = 0, to = 0; from < ink.length; from += channels)
    for (let c = 0; c < 3; c++) rgb[to++] = underBlack(ink[from + c] >> 8, ink[from + 3] >> 8);
  return rgb;
}

/** Red, green and blue divided by their premultiplied alpha, in the upper 8 bits, as in Pillow. */
function divided(values: Uint16Array): Uint8Array {
  const rgb = new Uint8Array((values.length / 4) * 3);
  for (let from = 0, to = 0; from < values.length; from += 4) {
    const alpha = values[from + 3] >> 8;
    for (let c = 0; c < 3; c++)
      rgb[to++] = alpha === 0 ? 0 : Math.min(255, Math.floor(((values[from + c] >> 8) * 255) / alpha));
  }
  return rgb;
}

/** The fourth of four values, in its upper 8 bits. */
const fourthOf = (values: Uint16Array): Uint8Array =>
  Uint8Array.from({ length: values.length / 4 }, (_, i) => values[4 * i + 3] >> 8);

/** Throws if a picture may be valid, but is of an unsupported kind. */
function checkKind(tags: Tags): void {
  const [compression = 1] = tags.of("compression");
  if (!knownCompressions.includes(compression)) {
    const name = compressions.get(compression) ?? `the unknown number ${compression} of`;
    throw unsupported(`a TIFF with ${name} compression`);
  }
  const [colour] = tags.of("photometric");
  if (colour === undefined) throw unsupported("a TIFF that does not say what its values mean");
  const known = Object.values<number>(photometric).includes(colour);
  if (!known) throw unsupported(`a TIFF with ${colours.get(colour) ?? `the unknown number ${colour} of colours`}`);
  if (colour === photometric.ycc && compression !== jpegCompression)
    throw unsupported("a TIFF with YCbCr colours outside JPEG compression");
  const [planar = 1] = tags.of("planarConfiguration");
  if (planar === 2 && tags.of("tileOffsets").length > 0) throw unsupported("a TIFF with a tile for each colour");
  checkSamples(tags, colour);
}

function checkSamples(tags: Tags, colour: number): void {
  const depths = new Set(tags.of("bitsPerSample"));
  const [bits = 1] = depths;
  if (depths.size > 1) throw unsupported("a TIFF with values of unequal length");
  const grey = isGrey(colour);
  const fits = colour === photometric.palette ? [1, 2, 4, 8] : grey ? [1, 2, 4, 8, 16, 32, 64] : [8, 16];
  if (!fits.includes(bits)) throw unsupported(`a TIFF with ${bits} bits per value`);
  const [format = unsigned] = tags.of("sampleFormat");
  if (format !== unsigned && !grey) throw unsupported(`a TIFF of ${numberName(bits, format)} in colour`);
}

/** Throws if data offsets are outside the file. */
function checkPlaces(tags: Tags, length: number): void {
  const tiled = tags.of("tileOffsets").length > 0;
  const offsets = tags.of(tiled ? "tileOffsets" : "stripOffsets");
  const counts = tags.of(tiled ? "tileByteCounts" : "stripByteCounts");
  if (offsets.length === 0) throw damaged("it does not say where its pixels are");
  if (offsets.some((offset, i) => offset + (counts[i] ?? 0) > length)) throw cut();
}
