/**
 * Image files without the orientation that a camera records in them: browsers always turn a picture as it says, and
 * models are measured on pictures that are not turned.
 */

/** The bytes with their EXIF data made unreadable, in a JPEG, PNG or WebP file; others as they are. */
export function withoutOrientation(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (startsWith(bytes, 0, "\xff\xd8")) return inJpeg(bytes, view);
  if (startsWith(bytes, 0, "\x89PNG\r\n\x1a\n")) return inPng(bytes, view);
  if (startsWith(bytes, 0, "RIFF") && startsWith(bytes, 8, "WEBP")) return inWebp(bytes, view);
  return bytes;
}

const startsWith = (bytes: Uint8Array, at: number, text: string): boolean =>
  at + text.length <= bytes.length && Array.from(text).every((c, i) => bytes[at + i] === c.charCodeAt(0));

const copyWith = (bytes: Uint8Array<ArrayBuffer>, at: readonly number[], text: string): Uint8Array<ArrayBuffer> => {
  if (at.length === 0) return bytes;
  const copy = bytes.slice();
  for (const place of at) for (const [i, c] of [...text].entries()) copy[place + i] = c.charCodeAt(0);
  return copy;
};

/** Segments before the scan: a marker, then a length that includes itself. */
function inJpeg(bytes: Uint8Array<ArrayBuffer>, view: DataView): Uint8Array<ArrayBuffer> {
  const found: number[] = [];
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++; // a fill byte
      continue;
    }
    if (marker === 0xda || marker === 0xd9) break;
    if (marker === 0xe1 && startsWith(bytes, at + 4, "Exif\0")) found.push(at + 4);
    at += 2 + view.getUint16(at + 2);
  }
  return copyWith(bytes, found, "none");
}

/** Chunks of a length, a type, that many bytes and a checksum; one of EXIF is left out. */
function inPng(bytes: Uint8Array<ArrayBuffer>, view: DataView): Uint8Array<ArrayBuffer> {
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = Math.min(bytes.length, at + 12 + view.getUint32(at));
    if (startsWith(bytes, at + 4, "eXIf")) {
      const rest = new Uint8Array(bytes.length - (end - at));
      rest.set(bytes.subarray(0, at));
      rest.set(bytes.subarray(end), at);
      return rest;
    }
    at = end;
  }
  return bytes;
}

/** Chunks of a type, a length, and that many bytes, padded to an even number; unknown types are passed over. */
function inWebp(bytes: Uint8Array<ArrayBuffer>, view: DataView): Uint8Array<ArrayBuffer> {
  const found: number[] = [];
  for (let at = 12; at + 8 <= bytes.length; ) {
    if (startsWith(bytes, at, "EXIF")) found.push(at);
    const size = view.getUint32(at + 4, true);
    at += 8 + size + (size % 2);
  }
  return copyWith(bytes, found, "none");
}
