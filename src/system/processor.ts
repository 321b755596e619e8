/** What the processor of this machine can do. */
import { readFile } from "node:fs/promises";

/** Its features by the names that Linux gives them; undefined where the system does not tell. */
export async function processorFeatures(): Promise<ReadonlySet<string> | undefined> {
  const text = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  const list = /^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1];
  return list === undefined ? undefined : new Set(list.trim().split(/\s+/));
}

/** Features that multiply matrices in bfloat16: two of x86, one of Arm. */
const bfloat16Features = ["avx512_bf16", "amx_bf16", "bf16"];

/** Whether there are instructions for products in bfloat16; where this is unknown, that there are is assumed. */
export const multipliesBfloat16 = (features: ReadonlySet<string> | undefined): boolean =>
  features === undefined || bfloat16Features.some((name) => features.has(name));
