/** Examines one sample: can it be read, what is it, what does it show? The work of a worker thread. */

import { createHash } from "node:crypto";
import type { Metadata } from "sharp";
import { messageOf } from "../../errors/message-of.js";
import { decodeImage, defaultMaxPixels } from "../codec/decode.js";
import { decodeJpegStrictly } from "../codec/decoders/jpeg.js";
import { orientationOf } from "../codec/exif.js";
import { type Codec, endingFits, fileFormat } from "../codec/file-format.js";
import type { SampleSource } from "../dataset/dataset.js";
import { isImageName } from "../dataset/files.js";
import { type RgbImage, wholeImage } from "../pixels/image.js";
import { readSource } from "../view/read-source.js";
import { lookAtImage } from "./fingerprint.js";

/** Properties of a file that training ignores or converts, which may be surprising. */
export type Trait = "grey" | "alpha" | "cmyk" | "16-bit" | "animated" | "rotated";

export interface Examination {
  /** A sentence about a sample that cannot be read; nothing else is then known of it. */
  readonly unreadable?: string;
  /** The file can be decoded, but its data has errors, so that part of the picture is guessed. */
  readonly damaged?: boolean;
  /** By content: "JPEG", "PNG", …; undefined for raw pixels. */
  readonly format?: string;
  /** The name's extension suggests a different format. */
  readonly misnamed?: boolean;
  readonly width: number;
  readonly height: number;
  /** Length of the encoded image. */
  readonly bytes: number;
  /** SHA-256, in hexadecimal, of the encoded image or the raw pixels. */
  readonly digest?: string;
  readonly blank?: boolean;
  /** Undefined if the image has too little content. */
  readonly fingerprint?: Uint32Array;
  readonly traits: readonly Trait[];
}

export async function examine(source: SampleSource): Promise<Examination> {
  let length = 0;
  try {
    const found = await readSource(source);
    if (!("bytes" in found)) {
      const bare = await wholeImage(found);
      return { ...seen(bare, bare.data), bytes: bare.data.length, traits: [] };
    }
    const { bytes, name } = found;
    length = bytes.length;
    const format = fileFormat(bytes);
    const strict = decodeJpegStrictly(bytes, defaultMaxPixels);
    const image = strict === "faulty" || strict === undefined ? await decodeImage(bytes, { name }) : strict;
    return {
      ...seen(image, bytes),
      bytes: length,
      format: format?.name,
      damaged: strict === "faulty",
      misnamed: format !== undefined && isFileName(source, name) && !endingFits(name, format),
      traits: format?.readable ? await traitsOf(bytes, format.codec) : [],
    };
  } catch (error) {
    const unreadable = messageOf(error);
    return { unreadable, width: 0, height: 0, bytes: length, traits: [] };
  }
}

/**
 * Whether a sample's name is that of its file: a record keeps another file's name, and many archive members have none.
 */
const isFileName = ({ kind }: SampleSource, name: string): boolean =>
  kind === "file" || (kind === "slice" && isImageName(name));

type Seen = Pick<Examination, "width" | "height" | "digest" | "blank" | "fingerprint">;

function seen(image: RgbImage, content: Uint8Array): Seen {
  return {
    width: image.width,
    height: image.height,
    digest: createHash("sha256").update(content).digest("hex"),
    ...lookAtImage(image),
  };
}

/** Traits of a file that has been decoded. */
async function traitsOf(bytes: Uint8Array, codec: Codec): Promise<Trait[]> {
  const { space, channels = 3, hasAlpha, depth, pages = 1 } = await describe(bytes, codec);
  const holds: Readonly<Record<Trait, boolean>> = {
    grey: channels < 3,
    alpha: hasAlpha === true,
    cmyk: space === "cmyk",
    "16-bit": depth === "ushort",
    animated: pages > 1,
    rotated: orientationOf(bytes, codec) > 1,
  };
  return (Object.keys(holds) as Trait[]).filter((trait) => holds[trait]);
}

/** Formats that have a decoder here because libvips has none. */
const ownCodecs: readonly Codec[] = ["bmp", "netpbm"];

/**
 * The metadata that libvips reports; empty if it does not know the format, which does not make the picture unreadable.
 */
async function describe(bytes: Uint8Array, codec: Codec): Promise<Partial<Metadata>> {
  if (ownCodecs.includes(codec)) return {};
  const { default: sharp } = await import("sharp");
  return sharp(bytes, { limitInputPixels: false })
    .metadata()
    .catch(() => ({}));
}
