/** Files among the images that are not used, so that none is omitted silently. */
import { extname, join, relative } from "node:path";
import { quoted } from "../../errors/quoted.js";
import { openRegular } from "../../system/files/regular-file.js";
import { type FileFormat, fileFormat, formatOfEnding, tellingBytes } from "../codec/file-format.js";

/** Extensions of files that are clearly not images. */
const otherEndings = new Set(
  (
    "txt csv tsv json jsonl ndjson xml yaml yml toml md rst html htm pdf doc docx xls xlsx ppt pptx odt rtf tex bib " +
    "zip gz tar tgz bz2 xz zst 7z rar mat npy npz pt pth pkl pickle ckpt h5 hdf5 onnx safetensors parquet records arrow " +
    "feather lst rec idx mdb lmdb tfrecord db sqlite ini cfg conf log py ipynb m js ts sh bat c cpp h r names data " +
    "mp4 mov avi mkv webm wav mp3 flac ogg m4a srt lock tmp bak md5 sha1 sha256 sum torrent url lnk exe dll"
  ).split(" "),
);

/** Extensions of images that have no recognisable signature. */
const cameraEndings: ReadonlyMap<string, string> = new Map([
  ...["cr2", "cr3", "nef", "arw", "dng", "raf", "orf", "rw2"].map(
    (ending) => [ending, "a camera's raw format"] as const,
  ),
  ...["tga", "ico", "exr", "hdr", "dds", "pcx", "sgi", "xbm", "xpm", "dcm"].map(
    (ending) => [ending, ending.toUpperCase()] as const,
  ),
]);

/** Files with one extension: their number, and the paths of the first. */
interface Kind {
  count: number;
  readonly first: string[];
}

/** Number of files per extension that are examined. */
const looked = 8;

export class LeftOut {
  readonly #kinds = new Map<string, Kind>();

  /** Records a file that no loader reads. */
  add(folder: string, name: string): void {
    const ending = extname(name).slice(1).toLowerCase();
    if (otherEndings.has(ending)) return;
    const kind = this.#kinds.get(ending) ?? { count: 0, first: [] };
    kind.count++;
    if (kind.first.length < looked) kind.first.push(join(folder, name));
    this.#kinds.set(ending, kind);
  }

  /** A sentence for each kind of file that is an image by its extension or content, with advice; paths below `root`. */
  async sentences(root: string): Promise<string[]> {
    const found: string[] = [];
    for (const [ending, { count, first }] of [...this.#kinds].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const picture = await pictureAmong(ending, first);
      if (picture === undefined) continue;
      const { path, name, readable } = picture;
      const files = `${count.toLocaleString("en")} ${count === 1 ? "file" : "files"} ${ending === "" ? "without an ending" : `with the ending ${quoted(`.${ending}`)}`}`;
      const what = readable
        ? `such as ${quoted(relative(root, path))}, which holds ${name}`
        : `${name}, such as ${quoted(relative(root, path))}`;
      const [verb, way] = [
        count === 1 ? "is" : "are",
        readable ? "Give such files the ending of their format" : howToConvert(ending),
      ];
      found.push(`${files} in "${root}" ${verb} left out (${what}). ${way}.`);
    }
    return found;
  }
}

/** How to convert unsupported images to supported ones. */
export const howToConvert = (ending: string): string =>
  /^(heic|heif)$/.test(ending)
    ? 'Convert them to JPEG: on a Mac by "sips -s format jpeg *.heic --out .", elsewhere by "heif-convert" or ImageMagick\'s "magick mogrify -format jpg *.heic"'
    : `Convert them to JPEG or PNG, as ImageMagick does by "magick mogrify -format png *.${ending}"`;

interface Picture {
  readonly path: string;
  readonly name: string;
  readonly readable: boolean;
}

/** The first of the files that is an image, by its content or else by its extension. */
async function pictureAmong(ending: string, paths: readonly string[]): Promise<Picture | undefined> {
  for (const path of paths) {
    const format = await formatOfFile(path);
    if (format && isPicture(format)) return { path, ...format };
  }
  const name = pictureByEnding(ending);
  return name === undefined ? undefined : { path: paths[0], name, readable: false };
}

/**
 * The image format of a file that is not used as an image, by its content or else by its extension; undefined for
 * others.
 */
export async function pictureAt(path: string): Promise<Pick<Picture, "name" | "readable"> | undefined> {
  return pictureAmong(extname(path).slice(1).toLowerCase(), [path]);
}

function pictureByEnding(ending: string): string | undefined {
  const promised = formatOfEnding(ending);
  return promised && isPicture(promised) ? promised.name : cameraEndings.get(ending);
}

/** Whether a format is an image format, supported or not. */
export const isPicture = ({ readable, endings }: FileFormat): boolean =>
  readable || (endings.length > 0 && !endings.some((ending) => otherEndings.has(ending)));

/** The format of a file by its first bytes; undefined if they are unknown or cannot be read. */
export async function formatOfFile(path: string): Promise<FileFormat | undefined> {
  const file = await openRegular(path).catch(() => undefined);
  if (!file) return undefined;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(tellingBytes), 0, tellingBytes, 0);
    return fileFormat(buffer.subarray(0, bytesRead));
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}
