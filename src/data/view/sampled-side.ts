/** How large the images of a dataset are, from a few of them. */
import { openImage } from "../codec/decode.js";
import type { Dataset } from "../dataset/dataset.js";
import { readSource } from "./read-source.js";

/** Images that are looked at. */
const looked = 9;

/**
 * The median of the shorter sides in pixels of a few images spread over the dataset; undefined if none of them can be
 * read, or if that would call the caller's functions or fetch a piece of the data.
 */
export async function sampledSide(dataset: Dataset): Promise<number | undefined> {
  if (dataset.pieces || dataset.length === 0) return undefined;
  const count = Math.min(looked, dataset.length);
  const sides: number[] = [];
  for (let i = 0; i < count; i++) {
    const source = dataset.source(Math.floor((i * dataset.length) / count));
    if (source.kind === "callback") return undefined;
    const side = "width" in source ? Math.min(source.width, source.height) : await decodedSide(source);
    if (side !== undefined) sides.push(side);
  }
  return sides.sort((a, b) => a - b)[sides.length >> 1];
}

/** Undefined for an image that cannot be read, which training reports. */
async function decodedSide(source: Parameters<typeof readSource>[0]): Promise<number | undefined> {
  try {
    const read = await readSource(source);
    const { width, height } = "bytes" in read ? await openImage(read.bytes, { name: read.name, jpeg: "fast" }) : read;
    return Math.min(width, height);
  } catch {
    return undefined;
  }
}
