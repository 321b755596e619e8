/** Sets of samples by key: as names, or as hashes, which take less space and do not reveal names. */
import { createHash } from "node:crypto";

/** A set of samples with a membership test by key. */
export interface SampleSet {
  /** Number of samples. */
  readonly size: number;
  /** Whether a sample with this key belongs to the set. */
  has(key: string): boolean;
}

const hashBytes = 6;

/** 48 bits of a sample's key, as a number. */
export const keyHash = (key: string): number => createHash("sha256").update(key).digest().readUIntBE(0, hashBytes);

/** Encodes samples as text: 48 bits of each key in base64, in order. */
export function writeSampleSet(keys: Iterable<string>): string {
  const hashes = Float64Array.from(Array.from(keys, keyHash)).sort();
  const bytes = Buffer.alloc(hashBytes * hashes.length);
  for (const [i, hash] of hashes.entries()) bytes.writeUIntBE(hash, hashBytes * i, hashBytes);
  return bytes.toString("base64");
}

/** Decodes such a text; undefined if it is malformed. */
export function readSampleSet(text: string): SampleSet | undefined {
  const bytes = Buffer.from(text, "base64");
  if (bytes.length % hashBytes !== 0 || bytes.toString("base64") !== text) return undefined;
  const hashes = new Set<number>();
  for (let at = 0; at < bytes.length; at += hashBytes) hashes.add(bytes.readUIntBE(at, hashBytes));
  return { size: hashes.size, has: (key) => hashes.has(keyHash(key)) };
}
