/** The orientation in a file's metadata, from the same places as in Pillow's `getexif()`. */
import { inflateSync } from "node:zlib";
import type { Orientation } from "../pixels/orientation.js";
import { openAvif } from "./decoders/avif.js";
import { jpegSegments, startOfScan } from "./decoders/jpeg-header.js";
import { webpChunks } from "./decoders/webp-layout.js";
import type { Codec } from "./file-format.js";

/** Metadata of a file: EXIF (a small TIFF) and XMP (XML). */
interface Metadata {
  readonly exif?: Buffer;
  readonly xmp?: Buffer;
}

/** Longest compressed metadata that is unpacked. */
const mostMetadata = 1 << 22;

/** 1 if there is none, or it cannot be read; and for TIFF, which is rotated when it is read. */
export function orientationOf(bytes: Uint8Array, codec: Codec): Orientation {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (codec === "avif") return openAvif(bytes).orientation;
    const { exif, xmp } = metadataIn[codec]?.(all) ?? {};
    return (exif && orientationInExif(exif)) ?? (xmp && orientationInXmp(xmp)) ?? 1;
  } catch (error) {
    if (error instanceof RangeError) return 1; // a field that points outside the file
    throw error;
  }
}

const exifMark = "Exif\0\0";
const xmpMark = "http://ns.adobe.com/xap/1.0/\0";

/** APP1 segments before the picture's data. */
function inJpeg(all: Buffer): Metadata {
  const exif: Buffer[] = [];
  let xmp: Buffer | undefined;
  for (const { marker, at } of jpegSegments(all)) {
    if (marker === startOfScan) break;
    if (marker !== 0xe1) continue;
    const content = all.subarray(at + 4, at + 2 + all.readUInt16BE(at + 2));
    if (content.toString("latin1", 0, 6) === exifMark) exif.push(content.subarray(exif.length > 0 ? 6 : 0));
    else if (content.toString("latin1", 0, xmpMark.length) === xmpMark) xmp ??= content.subarray(xmpMark.length);
  }
  return { exif: exif.length > 0 ? Buffer.concat(exif) : undefined, xmp };
}

function inPng(all: Buffer): Metadata {
  let exif: Buffer | undefined;
  let profile: Buffer | undefined;
  let xmp: Buffer | undefined;
  for (let at = 8; at + 12 <= all.length; ) {
    const length = all.readUInt32BE(at);
    const name = all.toString("latin1", at + 4, at + 8);
    const content = all.subarray(at + 8, at + 8 + length);
    if (name === "eXIf") exif = content;
    else if (/^(tEXt|zTXt|iTXt)$/.test(name)) {
      const { keyword, text } = textChunk(name, content);
      if (keyword === "Raw profile type exif") profile = fromHexLines(text());
      if (keyword === "XML:com.adobe.xmp") xmp = text();
    }
    at += 12 + length;
  }
  return { exif: exif ?? profile, xmp };
}

/** Keyword and, on request, text of a PNG's text chunk. */
function textChunk(name: string, content: Buffer): { readonly keyword: string; readonly text: () => Buffer } {
  const end = content.indexOf(0);
  const keyword = content.toString("latin1", 0, Math.max(0, end));
  const unpack = (packed: Buffer) => {
    try {
      return inflateSync(packed, { maxOutputLength: mostMetadata });
    } catch {
      return Buffer.alloc(0);
    }
  };
  const text = () => {
    if (name === "tEXt") return content.subarray(end + 1);
    if (name === "zTXt") return unpack(content.subarray(end + 2));
    const language = content.indexOf(0, end + 3);
    const translated = content.indexOf(0, language + 1);
    const rest = content.subarray(translated + 1);
    return content[end + 1] === 1 ? unpack(rest) : rest;
  };
  return { keyword, text };
}

/** As ImageMagick writes it: an empty line, the name, the length, then hexadecimal digits. */
const fromHexLines = (text: Buffer): Buffer =>
  Buffer.from(text.toString("latin1").split("\n").slice(3).join("").replace(/\s/g, ""), "hex");

function inWebp(all: Buffer): Metadata {
  let exif: Buffer | undefined;
  let xmp: Buffer | undefined;
  for (const { name, data } of webpChunks(all)) {
    if (name === "EXIF") exif ??= data;
    if (name === "XMP ") xmp ??= data;
  }
  return { exif, xmp };
}

const metadataIn: Partial<Record<Codec, (all: Buffer) => Metadata>> = { jpeg: inJpeg, png: inPng, webp: inWebp };

const orientationTag = 0x0112;

/** The tag in the first directory, a short or long integer. */
function orientationInExif(exif: Buffer): Orientation | undefined {
  const tiff = exif.toString("latin1", 0, 6) === exifMark ? exif.subarray(6) : exif;
  if (tiff.length < 8) return undefined;
  const order = tiff.toString("latin1", 0, 2);
  if (order !== "II" && order !== "MM") return undefined;
  const short = (at: number) => (order === "II" ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const long = (at: number) => (order === "II" ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at));
  const directory = long(4);
  for (let i = 0; i < short(directory); i++) {
    const at = directory + 2 + 12 * i;
    if (short(at) !== orientationTag) continue;
    const type = short(at + 2);
    return asOrientation(type === 3 ? short(at + 8) : type === 4 ? long(at + 8) : tiff[at + 8]);
  }
  return undefined;
}

function orientationInXmp(xmp: Buffer): Orientation | undefined {
  const found = /tiff:Orientation(?:="|>)([0-9])/.exec(xmp.toString("latin1"));
  return found ? asOrientation(Number(found[1])) : undefined;
}

/** An invalid value means no orientation, but takes precedence over XMP, as in Pillow. */
const asOrientation = (value: number): Orientation => (value >= 1 && value <= 8 ? (value as Orientation) : 1);
