import type { ChildProcess } from "node:child_process";

export type Disturbance = (output: string, child: ChildProcess) => () => void;

export function trainApart(
  output: string,
  options?: { readonly engine?: string; readonly epochs?: number },
  disturb?: Disturbance,
): Promise<{ readonly code: number | null; readonly errors: string }>;

export function whenFileAppears(pattern: RegExp, passes: number, act: (child: ChildProcess) => void): Disturbance;
