import type { DeitErrorClass, FuzzFigures, FuzzOptions } from "./harness.mjs";

type Reader = (path: string) => Promise<unknown>;

export function fuzzManifests(
  modules: Readonly<Record<"describeRun" | "readLog" | "readManifest" | "readRecipe" | "readSplit", Reader>> & {
    readonly DeitError: DeitErrorClass;
    readonly parseRecipe: (settings: unknown) => unknown;
    readonly loadState: (folder: never) => Promise<unknown>;
    readonly saveState: (folder: never, state: never, position: never) => Promise<void>;
  },
  options: FuzzOptions,
): Promise<FuzzFigures>;
