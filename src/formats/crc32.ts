/**
 * CRC-32 (IEEE 802.3), the checksum of zip and PNG: zlib's, or computed by a table in Node before 20.15, which lacks
 * it.
 */
import zlib from "node:zlib";
import { crc32ByTable } from "./crc32-table.js";

/** The CRC of `bytes` after data with the CRC `before`; that of no data is 0. */
export const crc32: (bytes: Uint8Array, before?: number) => number = zlib.crc32 ?? crc32ByTable;
