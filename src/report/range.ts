/** The smallest and the largest value, of any number of them: a call with a million arguments fails. */
export const rangeOf = (values: readonly number[]): readonly [low: number, high: number] =>
  values.reduce(
    ([low, high], v) => [Math.min(low, v), Math.max(high, v)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
