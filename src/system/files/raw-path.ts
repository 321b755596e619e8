/**
 * Names of files that are not UTF-8, such as from archives packed on Windows: each byte that is not part of a character
 * becomes a lone surrogate (U+DC80 to U+DCFF) in the string, as with Python's `surrogateescape`, so that the original
 * bytes can be restored.
 */

const foreign = /[\udc80-\udcff]/u;

/** Whether a name has bytes that are not UTF-8. */
export const isForeign = (name: string): boolean => foreign.test(name);

/** UTF-8 sequences, and single bytes that are not part of one. */
const pieces =
  /[\0-\x7f]+|(?:[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+|[\x80-\xff]/g;

/** The path for system functions: the string itself, or its bytes if some of them are not UTF-8. */
export const rawPath = (path: string): string | Buffer => (foreign.test(path) ? nameBytes(path) : path);

/** The bytes of a name. */
export function nameBytes(name: string): Buffer {
  if (!foreign.test(name)) return Buffer.from(name);
  return Buffer.concat(
    Array.from(name, (c) => (foreign.test(c) ? Buffer.of(c.charCodeAt(0) - 0xdc00) : Buffer.from(c))),
  );
}

/** The name with these bytes. */
export function nameOf(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  if (!text.includes("\ufffd")) return text;
  return bytes
    .toString("latin1")
    .replace(pieces, (piece) =>
      piece.length === 1 && piece >= "\x80"
        ? String.fromCharCode(0xdc00 + piece.charCodeAt(0))
        : Buffer.from(piece, "latin1").toString("utf8"),
    );
}
