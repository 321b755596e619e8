/** The figure of the architecture is that of the rules which hold it. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { architectureFigure } from "../../scripts/architecture-figure.mjs";

it("is drawn from scripts/rooms.cjs (npm run docs:architecture)", () => {
  const drawn = readFileSync(new URL("../../docs/architecture.svg", import.meta.url), "utf8");
  expect(drawn).toBe(architectureFigure());
});
