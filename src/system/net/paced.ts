/** Protection against senders that keep a connection alive and send next to nothing. */

export interface LeastRate {
  readonly bytes: number;
  readonly milliseconds: number;
}

/** Half a kilobyte per second: a tenth of the slowest mobile connection. */
const leastRate: LeastRate = { bytes: 32_768, milliseconds: 60_000 };

/** Thrown when a sender is too slow; another attempt may succeed. */
export class TooSlow extends Error {}

/**
 * Passes the pieces on while enough of them arrive: throws TooSlow after `milliseconds` of waiting in which fewer than
 * `bytes` came. Time that the reader spends on its own work does not count.
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
