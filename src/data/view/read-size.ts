/** Reads the size of a sample's image: from the first bytes of a file where they state it, otherwise by decoding the image. */
import { readRange, withFile } from "../../system/files/read-range.js";
import { isJpeg, jpegHeader } from "../codec/decoders/jpeg-header.js";
import { isPng, pngSize } from "../codec/decoders/png.js";
import { orientationOf } from "../codec/exif.js";
import type { SampleSource } from "../dataset/dataset.js";
import type { Size } from "../pixels/image.js";
import { type Exif, uprightSize } from "../pixels/orientation.js";
import { readSource } from "./read-source.js";
import { openFound } from "./view.js";

/** Bytes that nearly always contain the frame header of a JPEG, which its metadata precede. */
const head = 65_536;

/** The size after rotation as `exif` says. Throws FileError for what is no image. */
export async function readSize(source: SampleSource, exif: Exif): Promise<Size> {
  switch (source.kind) {
    case "pixels":
    case "record":
    case "image":
      return source;
    case "procedural":
      return { width: source.size, height: source.size };
    case "callback":
      return readSize(await source.read(), exif);
    case "bytes":
      break;
    case "file":
    case "slice": {
      const found = sizeInHead(await firstBytes(source), exif);
      if (found) return found;
    }
  }
  const { width, height } = await openFound(await readSource(source), { exif });
  return { width, height };
}

/** Undefined where more than the first bytes is needed: for another format, and where the rotation may come later. */
function sizeInHead(bytes: Uint8Array, exif: Exif): Size | undefined {
  if (isPng(bytes)) return exif === "apply" ? undefined : pngSize(bytes);
  const found = isJpeg(bytes) ? jpegHeader(bytes) : undefined;
  return found && exif === "apply" ? uprightSize(found, orientationOf(bytes, "jpeg")) : found;
}

async function firstBytes(source: SampleSource & { kind: "file" | "slice" }): Promise<Uint8Array> {
  if (source.kind === "slice") return readRange(source.path, source.offset, Math.min(head, source.length));
  return withFile(source.path, async (file) => {
    const bytes = Buffer.allocUnsafeSlow(head);
    const { bytesRead } = await file.read(bytes, 0, head, 0);
    return bytes.subarray(0, bytesRead);
  });
}
