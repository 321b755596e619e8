/** Mutations of files: blind ones for any bytes, and ones that know where a format keeps its numbers. */
import { deflateSync, inflateSync } from "node:zlib";
import { crc32 } from "./zip.mjs";

/** A small seeded generator (mulberry32); `next(n)` is a whole number below n. */
export function generator(seed) {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

const bytesOfInterest = [0, 1, 0x28, 0x2e, 0x52, 0x5d, 0x71, 0x7d, 0x7f, 0x80, 0x81, 0x93, 0x94, 0xff];
const wordsOfInterest = [0, 1, 0x7f, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
const textsOfInterest = [
  "0",
  "-1",
  "4294967296",
  "1e999",
  "9007199254740993",
  "null",
  '"F32"',
  "[]",
  "{}",
  "[[]]",
  '""',
];

/** Changes bytes without knowing what they mean: one to four of flip, overwrite, cut, drop, repeat and splice. */
export function mutateBytes(bytes, next, other = bytes) {
  let out = Buffer.from(bytes);
  for (let n = next(4); n >= 0; n--) {
    if (out.length < 8) return out;
    const at = next(out.length);
    const length = 1 + next(Math.min(64, out.length - at));
    switch (next(8)) {
      case 0:
        out[at] ^= 1 << next(8);
        break;
      case 1:
        out[at] = next(256);
        break;
      case 2:
        out[at] = bytesOfInterest[next(bytesOfInterest.length)];
        break;
      case 3:
        if (at + 4 <= out.length) out.writeUInt32LE(wordsOfInterest[next(wordsOfInterest.length)], at);
        break;
      case 4:
        out = out.subarray(0, at);
        break;
      case 5:
        out = Buffer.concat([out.subarray(0, at), out.subarray(at + length)]);
        break;
      case 6:
        out = Buffer.concat([out.subarray(0, at + length), out.subarray(at)]);
        break;
      default: {
        const from = next(other.length);
        out = Buffer.concat([out.subarray(0, at), other.subarray(from, from + length), out.subarray(at + length)]);
      }
    }
  }
  return out;
}

/** Changes numbers and texts of a JSON file, so that mostly it stays JSON. */
export function mutateJson(bytes, next) {
  return Buffer.from(mutateValues(bytes.toString("latin1"), next), "latin1");
}

function mutateValues(json, next) {
  let text = json;
  for (let n = next(3); n >= 0; n--) {
    const values = [...text.matchAll(/"[^"]*"|-?\d+/g)];
    if (values.length === 0) break;
    const { index, 0: old } = values[next(values.length)];
    const value = next(3) === 0 ? values[next(values.length)][0] : textsOfInterest[next(textsOfInterest.length)];
    text = text.slice(0, index) + value + text.slice(index + old.length);
  }
  return text;
}

/** Changes numbers and texts of a safetensors header and keeps its length right, so that the parser is reached. */
export function mutateSafetensors(bytes, next) {
  const length = Number(bytes.readBigUInt64LE(0));
  const header = mutateValues(bytes.toString("latin1", 8, 8 + length), next);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([size, Buffer.from(header, "latin1"), bytes.subarray(8 + length)]);
}

/** Changes one stored entry of a zip archive and keeps its checksum right, so that what reads the entry is reached. */
export function mutateZipEntry(bytes, next) {
  const out = Buffer.from(bytes);
  const entries = [];
  for (let at = out.indexOf("PK\x01\x02", 0, "latin1"); at >= 0; at = out.indexOf("PK\x01\x02", at + 4, "latin1")) {
    entries.push({ central: at, size: out.readUInt32LE(at + 24), local: out.readUInt32LE(at + 42) });
  }
  // The pickle comes first in the archive and is what deserves most of the attempts.
  const { central, size, local } = entries[next(2) === 0 ? 0 : next(entries.length)];
  const start = local + 30 + out.readUInt16LE(local + 26) + out.readUInt16LE(local + 28);
  const content = out.subarray(start, start + size);
  const mutated = mutateBytes(content, next);
  content.fill(0x2e);
  mutated.copy(content, 0, 0, size);
  out.writeUInt32LE(crc32(content), central + 16);
  return out;
}

/** Changes a header of a tar archive and keeps its checksum right, so that what comes after the checksum is reached. */
export function mutateTar(bytes, next) {
  const out = Buffer.from(bytes);
  const headers = [];
  for (let at = 0; at + 512 <= out.length; at += 512)
    if (out.toString("latin1", at + 257, at + 262) === "ustar") headers.push(at);
  const at = headers[next(headers.length)];
  const header = out.subarray(at, at + 512);
  const fields = [
    [0, 100],
    [124, 12],
    [124, 12],
    [156, 1],
    [345, 155],
  ];
  const [start, length] = fields[next(fields.length)];
  const types = "0xLKgS125\0";
  if (length === 1) header[start] = types.charCodeAt(next(types.length));
  else if (next(3) === 0) header.fill(next(256), start, start + length);
  else for (let n = next(4); n >= 0; n--) header[start + next(length)] = next(2) === 0 ? 0x30 + next(8) : next(256);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((a, b) => a + b, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return out;
}

/** Changes chunks of a PNG, or its rows before they are compressed, and keeps the checksums right, so that what comes after them is reached. */
export function mutatePng(bytes, next) {
  const all = [];
  for (let at = 8; at + 12 <= bytes.length; at += 12 + bytes.readUInt32BE(at))
    all.push([bytes.subarray(at + 4, at + 8), bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at))]);
  const isData = ([type]) => type.toString("latin1") === "IDAT";
  const first = all.findIndex(isData);
  if (first >= 0 && next(2) === 0) {
    const rows = inflateSync(Buffer.concat(all.filter(isData).map(([, data]) => data)));
    const others = all.filter((chunk) => !isData(chunk));
    others.splice(first, 0, [all[first][0], deflateSync(mutateBytes(rows, next))]);
    all.splice(0, all.length, ...others);
  } else {
    const at = next(all.length);
    if (next(4) === 0) all.splice(at, next(2), all[next(all.length)]);
    else all[at] = [all[at][0], mutateBytes(all[at][1], next)];
  }
  const chunks = all.map(([type, data]) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32BE(crc32(Buffer.concat([type, data])));
    return Buffer.concat([length, type, data, checksum]);
  });
  return Buffer.concat([bytes.subarray(0, 8), ...chunks]);
}
