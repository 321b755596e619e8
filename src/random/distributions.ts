/** Random numbers from distributions that a stream does not offer itself. */
import type { RandomStream } from "./stream.js";

/** A sample of Beta(α, α). */
export function beta(stream: RandomStream, alpha: number): number {
  const [a, b] = [gamma(stream, alpha), gamma(stream, alpha)];
  return a + b > 0 ? a / (a + b) : 0.5; // both underflow for a tiny α
}

/**
 * A sample of Gamma(shape, 1), by the method of Marsaglia and Tsang (2000); shapes below 1 are raised by one and scaled
 * back.
 */
export function gamma(stream: RandomStream, shape: number): number {
  if (shape < 1) return gamma(stream, shape + 1) * (1 - stream.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = stream.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - stream.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}
