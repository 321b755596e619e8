/**
 * Reference data that lies beside the project (`../shared`, or DEIT_SHARED): published weights, photographs, values of timm
 * and PyTorch. Tests that need it are skipped where it is missing, with a notice (reference-notice.ts); CI runs them in any
 * case, so that they fail there.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "vitest";

export const shared = process.env.DEIT_SHARED ?? fileURLToPath(new URL("../../../shared", import.meta.url));

const missing = !process.env.CI && !existsSync(join(shared, "weights"));

export const describeWithReference = describe.skipIf(missing);
export const itWithReference = it.skipIf(missing);
