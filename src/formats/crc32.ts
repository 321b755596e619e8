/**
 * CRC-32 (IEEE 802.3), the checksum of zip and PNG: zlib's, or computed by a table in Node before 20.15, which lacks
 * it.
 */
import zlib from "node:zlib";

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let c = byte;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});

export function crc32ByTable(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) c = table[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

export const crc32: (bytes: Uint8Array) => number = zlib.crc32 ?? crc32ByTable;
