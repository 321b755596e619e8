/** Datasets in pieces that are fetched one by one, such as shards behind HTTP. */
import type { RandomStream } from "../../random/stream.js";
import type { Dataset, Pieces } from "./dataset.js";

/** Runs `work` while these samples are available locally. Read sources only inside the callback. */
export async function whileHere<T>(
  { pieces }: Pick<Dataset, "pieces">,
  indices: Iterable<number>,
  work: () => Promise<T>,
): Promise<T> {
  if (!pieces) return work();
  const release = await pieces.hold(piecesOf(pieces, indices));
  try {
    return await work();
  } finally {
    release();
  }
}

/** The pieces of these samples, each once, in the order in which they are needed. */
export function piecesOf(pieces: Pieces, indices: Iterable<number>): number[] {
  const found = new Set<number>();
  for (const index of indices) found.add(pieces.of(index));
  return [...found];
}

/** Number of samples among which the next one is drawn. */
const shuffleBuffer = 8192;

/**
 * A shuffled order that needs the pieces one after the other: the pieces in random order, and their samples through a
 * buffer from which the next one is drawn. It is a permutation of the samples, and a pure function of the stream.
 */
export function streamedOrder(
  length: number,
  pieces: Pick<Pieces, "of">,
  stream: RandomStream,
  size = shuffleBuffer,
): Uint32Array {
  const members = new Map<number, number[]>();
  for (let i = 0; i < length; i++) {
    const piece = pieces.of(i);
    const known = members.get(piece);
    if (known) known.push(i);
    else members.set(piece, [i]);
  }
  const groups = [...members.values()];
  const order = new Uint32Array(length);
  const buffer: number[] = [];
  let at = 0;
  const draw = (next: number | undefined) => {
    const slot = stream.integer(buffer.length);
    order[at++] = buffer[slot];
    const last = buffer.pop()!;
    if (next !== undefined) buffer.push(last);
    if (slot < buffer.length) buffer[slot] = next ?? last;
  };
  for (const group of stream.permutation(groups.length)) {
    for (const index of groups[group]) {
      if (buffer.length < size) buffer.push(index);
      else draw(index);
    }
  }
  while (buffer.length > 0) draw(undefined);
  return order;
}
