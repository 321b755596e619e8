/** What a file is, by its first bytes, whatever its name says. */
import { extname } from "node:path";

export interface FileFormat {
  /** As people call it, with its article where it needs one. */
  readonly name: string;
  /** Endings of names that promise it, without the dot. */
  readonly endings: readonly string[];
  /** Whether it is an image that can be read here. */
  readonly readable: boolean;
}

interface Signature extends FileFormat {
  readonly begins: RegExp;
}

const signatures: readonly Signature[] = [
  { name: "JPEG", endings: ["jpg", "jpeg", "jpe", "jfif"], readable: true, begins: /^\xff\xd8\xff/ },
  { name: "PNG", endings: ["png", "apng"], readable: true, begins: /^\x89PNG/ },
  { name: "GIF", endings: ["gif"], readable: true, begins: /^GIF8[79]a/ },
  { name: "WebP", endings: ["webp"], readable: true, begins: /^RIFF....WEBP/s },
  { name: "TIFF", endings: ["tif", "tiff"], readable: true, begins: /^(II\*\0|MM\0\*|II\+\0|MM\0\+)/ },
  {
    name: "AVIF",
    endings: ["avif", "avifs"],
    readable: true,
    begins: /^....ftyp(avif|avis|m[is]f1.{4}.{0,64}avi[fs])/s,
  },
  {
    name: "HEIC",
    endings: ["heic", "heif"],
    readable: false,
    begins: /^....ftyp(heic|heix|hevc|heim|heis|mif1|msf1)/s,
  },
  { name: "JPEG 2000", endings: ["jp2", "j2k"], readable: false, begins: /^(....jP {2}|\xff\x4f\xff\x51)/s },
  { name: "JPEG XL", endings: ["jxl"], readable: false, begins: /^....JXL /s },
  { name: "BMP", endings: ["bmp", "dib"], readable: false, begins: /^BM.{4}\0{4}/s },
  { name: "Photoshop", endings: ["psd"], readable: false, begins: /^8BPS/ },
  {
    name: "SVG",
    endings: ["svg"],
    readable: false,
    begins: /^\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!DOCTYPE svg[^>]*>\s*)?<svg/s,
  },
  { name: "a web page", endings: ["html", "htm"], readable: false, begins: /^\s*<(!doctype html|html|head|body)/i },
  {
    name: "a pointer of Git LFS (fetch the file itself: git lfs pull)",
    endings: [],
    readable: false,
    begins: /^version https:\/\/git-lfs/,
  },
  { name: "a PDF", endings: ["pdf"], readable: false, begins: /^%PDF/ },
  { name: "a zip archive", endings: ["zip"], readable: false, begins: /^PK/ },
  {
    name: "a film",
    endings: ["mp4", "mov"],
    readable: false,
    begins: /^....ftyp(isom|mp4|qt|avc)/s,
  },
];

/** Bytes that are enough to tell. */
export const tellingBytes = 256;

/** Undefined for what is not known. */
export function fileFormat(bytes: Uint8Array): FileFormat | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, tellingBytes)).toString("latin1");
  return signatures.find(({ begins }) => begins.test(head));
}

/** Whether a name's ending promises this format; a name without an ending promises nothing. */
export function endingFits(name: string, format: FileFormat): boolean {
  const ending = extname(name).slice(1).toLowerCase();
  return ending === "" || format.endings.includes(ending);
}
