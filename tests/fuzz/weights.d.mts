import type { LoadedWeights } from "../../src/weights/load.js";
import type { DeitErrorClass, FuzzFigures, FuzzOptions } from "./harness.mjs";

export function fuzzWeights(
  readers: { readonly loadWeights: (path: string) => Promise<LoadedWeights>; readonly DeitError: DeitErrorClass },
  options: FuzzOptions,
): Promise<FuzzFigures>;
