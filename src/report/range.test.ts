import { expect, it } from "vitest";
import { rangeOf } from "./range.js";

it("finds both ends of more values than a call takes arguments", () => {
  const values = Array.from({ length: 500_000 }, (_, i) => (i * 7919) % 500_009);
  expect(rangeOf([...values, -3])).toEqual([-3, 500_008]);
});
