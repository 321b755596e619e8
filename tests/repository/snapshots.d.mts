import type * as deit from "../../src/index.js";

export function snapshots(
  library: typeof deit,
): Promise<Readonly<Record<"recipes" | "refusals" | "models" | "steps", object>>>;
