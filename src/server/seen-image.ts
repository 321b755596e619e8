/** What a model sees of an image that was sent, and images of one size run together. */
import { type ImageSize, sizeInWords } from "../geometry/image-size.js";

export interface SeenImage {
  /** `height · width · channels` bytes. */
  readonly pixels: Uint8Array;
  readonly size: ImageSize;
}

/**
 * The outputs of images, which run with others of their size. A program is compiled for each number of them: if they have
 * several sizes, for powers of two only.
 */
export async function bySize<Output>(
  images: readonly SeenImage[],
  run: (pixels: readonly Uint8Array[], size: ImageSize) => Promise<readonly Output[]>,
): Promise<readonly Output[]> {
  const groups = new Map<string, number[]>();
  for (const [i, { size }] of images.entries()) {
    const key = sizeInWords(size);
    groups.set(key, [...(groups.get(key) ?? []), i]);
  }
  const outputs: Output[] = [];
  for (const group of groups.values())
    for (const places of groups.size === 1 ? [group] : powersOfTwo(group)) {
      const found = await run(
        places.map((i) => images[i].pixels),
        images[places[0]].size,
      );
      for (const [at, i] of places.entries()) outputs[i] = found[at];
    }
  return outputs;
}

/** The items in parts whose lengths are powers of two, the largest first. */
function powersOfTwo<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  if (items.length === 0) return [];
  const most = 2 ** Math.floor(Math.log2(items.length));
  return [items.slice(0, most), ...powersOfTwo(items.slice(most))];
}
