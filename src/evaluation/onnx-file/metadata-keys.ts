/** The metadata of ONNX files that deit writes and reads. */
import { checkpointMetadata } from "../checkpoint-metadata.js";

/** Metadata keys of an ONNX file on how to use it; values are JSON. */
export const onnxMetadata = {
  normalization: "deit.normalization",
  imageSize: "deit.imageSize",
  classes: "deit.classes",
  /** Whether the graph takes whole images and does all that `view` says itself. */
  preprocesses: "deit.preprocesses",
  /** Of deit's own exports: crop and filter, as in the metadata of its checkpoints. */
  view: checkpointMetadata.view,
} as const;
