/** A model as a safetensors file like those of runs in Node, which every part of deit opens without being told more. */
import { checkpointTexts } from "../../evaluation/checkpoint-texts.js";
import { safetensorsChunks } from "../../formats/safetensors/encode.js";
import type { Savable } from "./savable.js";

/** The file's bytes, in pieces that refer to the weights and are not copied here. */
export function safetensorsPieces({ weights, ...about }: Savable): readonly Uint8Array<ArrayBuffer>[] {
  const names = about.model.parameters.map(({ name }) => name);
  const own = new Map([...weights].filter(([name]) => names.includes(name)));
  return [...safetensorsChunks(own, checkpointTexts(about))] as Uint8Array<ArrayBuffer>[];
}
