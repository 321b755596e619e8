/** Recognises file formats by their first bytes, regardless of the name, and which of them are supported. */
import { extname } from "node:path";

/** The decoder of a format. */
export type Codec = "jpeg" | "png" | "gif" | "webp" | "tiff" | "avif" | "bmp" | "netpbm";

interface Named {
  /** Common name, with an article if it needs one. */
  readonly name: string;
  /** Its file extensions, without the dot. */
  readonly endings: readonly string[];
}

/** A supported image format. */
export interface ReadableFormat extends Named {
  readonly readable: true;
  readonly codec: Codec;
}

/** Any other known format, an image or not. */
export interface OtherFormat extends Named {
  readonly readable: false;
  /** Advice that completes a sentence. */
  readonly advice: string;
}

export type FileFormat = ReadableFormat | OtherFormat;

/** A format and its first bytes, one character each: a prefix, or a pattern. */
type Signature = FileFormat & { readonly begins: string | RegExp };

const image = (codec: Codec, name: string, endings: readonly string[], begins: Signature["begins"]): Signature => ({
  ...{ name, endings, begins, readable: true, codec },
});

const other = (name: string, endings: readonly string[], begins: Signature["begins"], advice: string): Signature => ({
  ...{ name, endings, begins, readable: false, advice },
});

const convert = "which is not read here; convert it to JPEG or PNG";
/** What to do about a file that is no image, or a damaged one; a request's image is replaced instead. */
export const restoreIt = "restore or remove it";
const noImage = `which is not an image; ${restoreIt}`;

const signatures: readonly Signature[] = [
  image("jpeg", "JPEG", ["jpg", "jpeg", "jpe", "jfif"], "\xff\xd8\xff"),
  image("png", "PNG", ["png", "apng"], "\x89PNG"),
  image("gif", "GIF", ["gif"], /^GIF8[79]a/),
  image("webp", "WebP", ["webp"], /^RIFF....WEBP/s),
  image("tiff", "TIFF", ["tif", "tiff"], /^(II\*\0|MM\0\*|II\+\0|MM\0\+)/),
  image("avif", "AVIF", ["avif", "avifs"], /^....ftyp(avif|avis|m[is]f1.{4}.{0,64}avi[fs])/s),
  image("bmp", "BMP", ["bmp", "dib"], /^BM.{12}[^\0]\0\0\0/s),
  image("netpbm", "PPM", ["ppm", "pgm", "pbm", "pnm"], /^P[1-6][\s#]/),
  other(
    "HEIC",
    ["heic", "heif", "hif"],
    /^....ftyp(heic|heix|hevc|hevx|heim|heis|mif1|msf1)/s,
    'which is not read here; convert it to JPEG (on a Mac by "sips -s format jpeg FILE --out FILE.jpg", elsewhere by "heif-convert FILE FILE.jpg" or ImageMagick\'s "magick FILE FILE.jpg")',
  ),
  other("JPEG 2000", ["jp2", "j2k", "jpx", "jpf"], /^(....jP {2}|\xff\x4f\xff\x51)/s, convert),
  other("JPEG XL", ["jxl"], /^(....JXL |\xff\n)/s, convert),
  other("a Photoshop file", ["psd", "psb"], "8BPS", convert),
  other("an icon", ["ico", "cur", "icns"], /^(\0\0[^\0]\0[^\0]\0|icns)/, convert),
  other("DICOM", ["dcm", "dicom"], /^.{128}DICM/s, convert),
  other("OpenEXR", ["exr"], "v/1\x01", convert),
  other("Radiance HDR", ["hdr", "pic"], /^#\?(RADIANCE|RGBE)/, convert),
  other("DDS", ["dds"], "DDS ", convert),
  other("QOI", ["qoi"], "qoif", convert),
  other("FITS", ["fits", "fit", "fts"], "SIMPLE  =", convert),
  other("PAM or PFM", ["pam", "pfm"], /^P[7fF]\s/, convert),
  other(
    "SVG",
    ["svg", "svgz"],
    /^(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*(<!DOCTYPE svg[^>]*>?\s*)?(<!--.*?-->\s*)*<svg/s,
    "a drawing without pixels, which is not read here; convert it to PNG",
  ),
  other("a web page", ["html", "htm"], /^(\xef\xbb\xbf)?\s*<(!doctype html|html|head|body)/i, noImage),
  other(
    "a pointer of Git LFS",
    [],
    "version https://git-lfs",
    "which is not an image; fetch the file itself (git lfs pull) or remove it",
  ),
  other("a PDF", ["pdf"], "%PDF", noImage),
  other("a zip archive", ["zip"], "PK", noImage),
  other("a gzip archive", ["gz"], "\x1f\x8b", noImage),
  other("an array of NumPy", ["npy"], "\x93NUMPY", convert),
  other("HDF5", ["h5", "hdf5"], "\x89HDF", noImage),
  other("a film", ["mp4", "mov", "m4v"], /^....ftyp(iso|mp4|qt|avc|M4V)/s, noImage),
  other("a film", ["mkv", "webm"], "\x1aE\xdf\xa3", noImage),
];

/** Extensions of the supported image formats, without the dot. */
export const readableEndings: readonly string[] = signatures.filter((s) => s.readable).flatMap((s) => s.endings);

/** The format of an extension in lower case, without the dot. */
export const formatOfEnding = (ending: string): FileFormat | undefined =>
  signatures.find(({ endings }) => endings.includes(ending));

/** Number of bytes that suffice to recognise a format. */
export const tellingBytes = 256;

/** Undefined for unknown formats. */
export function fileFormat(bytes: Uint8Array): FileFormat | undefined {
  // Most files are JPEG, which is first: the text for the patterns is created only for others.
  let head: string | undefined;
  return signatures.find(({ begins }) => {
    if (typeof begins === "string") return beginsWith(bytes, begins);
    head ??= textOfHead(bytes);
    return begins.test(head);
  });
}

const textOfHead = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, tellingBytes)).toString("latin1");

function beginsWith(bytes: Uint8Array, begins: string): boolean {
  for (let i = 0; i < begins.length; i++) if (bytes[i] !== begins.charCodeAt(i)) return false;
  return true;
}

/** Whether a name's extension fits this format; a name without an extension fits any. */
export function endingFits(name: string, format: FileFormat): boolean {
  const ending = extname(name).slice(1).toLowerCase();
  return ending === "" || format.endings.includes(ending);
}
