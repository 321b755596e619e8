/** Senders that keep a connection alive and send next to nothing. */

export interface LeastRate {
  readonly bytes: number;
  readonly milliseconds: number;
}

/** Half a kilobyte per second: a tenth of what the slowest mobile line gives. */
const leastRate: LeastRate = { bytes: 32_768, milliseconds: 60_000 };

/** What a sender is given up with; the same may go well at the next try. */
export class TooSlow extends Error {}

/**
 * The same pieces, as long as enough of them arrive: TooSlow is thrown after `milliseconds` of waiting in which fewer than
 * `bytes` came. The time that the reader takes for itself does not count.
 */
export async function* paced(
  pieces: AsyncIterable<Buffer>,
  { bytes, milliseconds }: LeastRate = leastRate,
  clock: () => number = () => performance.now(),
): AsyncGenerator<Buffer, void> {
  let [waited, arrived] = [0, 0];
  let asked = clock();
  for await (const piece of pieces) {
    waited += clock() - asked;
    arrived += piece.length;
    if (waited >= milliseconds) {
      if (arrived < bytes) throw new TooSlow(`only ${arrived} bytes came in ${Math.round(waited / 1000)} s`);
      [waited, arrived] = [0, 0];
    }
    yield piece;
    asked = clock();
  }
}
