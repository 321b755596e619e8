/** Detects jumps of the training loss: often the first sign of too high a rate or of bad data. */

/** Losses to observe before anything counts as a jump. */
const warmup = 50;
/** Weight of a new loss in mean and variance: about the last thirty steps matter. */
const memory = 0.03;
/** A spike is this many standard deviations, and this share of the mean, above the mean. */
const deviations = 6;
const share = 0.25;
/** Steps after a warning without a further one. */
const quiet = 100;

/** A watcher: given the loss of each step, it returns a sentence if the loss has jumped. */
export function spikeWatcher(): (step: number, loss: number) => string | undefined {
  let seen = 0;
  let mean = 0;
  let variance = 0;
  let warnedAt = -Infinity;
  return (step, loss) => {
    const limit = mean + Math.max(deviations * Math.sqrt(variance), share * Math.abs(mean));
    const spike = seen >= warmup && loss > limit;
    const usual = mean;
    // The first losses weigh the same; a spike counts no more than the limit, or the next one would be missed.
    const weight = Math.max(memory, 1 / (seen + 1));
    const difference = (spike ? limit : loss) - mean;
    mean += weight * difference;
    variance = (1 - weight) * (variance + weight * difference ** 2);
    seen++;
    if (!spike || step - warnedAt < quiet) return undefined;
    warnedAt = step;
    return `The loss jumped to ${loss.toFixed(3)} at step ${step}; it was about ${usual.toFixed(3)}. If it stays high, lower lr or set clipGradient=1.`;
  };
}
