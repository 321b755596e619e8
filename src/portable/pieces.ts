/** The bytes of the files of an export. */
import { UsageError } from "../errors/errors.js";
import { sizeOfModel } from "../formats/onnx/graph.js";
import { encodeModel } from "../formats/onnx/write.js";
import { safetensorsChunks } from "../formats/safetensors/encode.js";
import type { ExportedFile } from "./layouts/layout.js";

/** The bytes of a file, in pieces. Throws UsageError for a model that is too large for an ONNX file. */
export function piecesOf(file: ExportedFile): Iterable<Uint8Array> {
  switch (file.kind) {
    case "onnx":
      requireOneFile(sizeOfModel(file.model));
      return [encodeModel(file.model)];
    case "weights":
      return safetensorsChunks(file.tensors, file.metadata);
    case "text":
      return [new TextEncoder().encode(file.content)];
  }
}

/** The limit of protocol buffers, less room for what is not weights. */
const largest = 2 ** 31 - 2 ** 22;

/** Throws UsageError if weights of so many bytes do not fit into an ONNX file. */
export function requireOneFile(bytes: number): void {
  if (bytes <= largest) return;
  throw new UsageError(
    `The weights take ${(bytes / 2 ** 30).toFixed(1)} GiB, and an ONNX file holds at most 2; choose the layout transformers or timm.`,
  );
}
