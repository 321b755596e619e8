/** A model's weights as the page opens them: a safetensors file that states model, classes and preprocessing. */
import { createHash } from "node:crypto";
import { type AboutCheckpoint, checkpointTexts } from "../../evaluation/checkpoint-texts.js";
import { safetensorsChunks } from "../../formats/safetensors/encode.js";
import type { NamedTensors } from "../../tensor/index.js";

export interface WeightsFile {
  readonly chunks: readonly Uint8Array[];
  readonly bytes: number;
  readonly sha256: string;
}

/** Its pieces are those of the tensors in memory, not copies. */
export function weightsFile(about: AboutCheckpoint, weights: NamedTensors): WeightsFile {
  const chunks = [...safetensorsChunks(weights, checkpointTexts(about))];
  const hash = createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  const sha256 = hash.digest("hex");
  return { chunks, sha256, bytes: chunks.reduce((sum, { byteLength }) => sum + byteLength, 0) };
}
