/** In which form a model is saved: what callers say. */
import type { Head } from "../../models/context.js";
import type { LayoutName } from "../../portable/layouts/index.js";
import type { QuantizationName } from "../../portable/quantize/index.js";

/** In which form a model is saved. */
export interface WebExportSettings {
  /**
   * `safetensors`: one file, which `deit` opens in Node and in pages, to use it or to train it further. The others are
   * folders for other programs, as a zip: `huggingface` for transformers.js, `onnx`, `transformers`, `timm`.
   */
  readonly to: "safetensors" | LayoutName;
  /** Name of the file without its extension (default: that of the model). */
  readonly name?: string;
  /** Number formats of ONNX files besides float32 (default: those that are usual in the layout). */
  readonly quantize?: readonly Exclude<QuantizationName, "int8-static">[];
  /**
   * Puts the preprocessing into the graph (default: no): for `onnx`, of a further file; for `huggingface`, of all ONNX files,
   * and the folder is then for transformers.js alone.
   */
  readonly preprocessing?: boolean;
  /** The head of a distilled model whose logits ONNX files give (default: the mean of both). */
  readonly head?: Head;
  /** The licence of the weights, such as `apache-2.0`; nothing is assumed. */
  readonly license?: string;
}
