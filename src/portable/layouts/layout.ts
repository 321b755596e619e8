/** What a layout is: the files of a model in the form that one kind of program reads. */
import type { OnnxModel } from "../../formats/onnx/graph.js";
import type { NamedTensors } from "../../tensor/index.js";
import type { WholeImage } from "../graph/preprocessing.js";
import type { QuantizationName } from "../quantize/index.js";
import type { PortableSource } from "../source.js";

/** A file of an export, before it is written; its path is relative to the folder of the export. */
export type ExportedFile =
  | {
      readonly kind: "onnx";
      readonly path: string;
      /** The number format, such as `int8`. */
      readonly precision: "float32" | QuantizationName;
      /** `pixels`: normalised pixels in, logits out; else a whole image. */
      readonly takes: "pixels" | WholeImage;
      readonly model: OnnxModel;
    }
  | {
      readonly kind: "weights";
      readonly path: string;
      readonly tensors: NamedTensors;
      readonly metadata: Readonly<Record<string, string>>;
    }
  | { readonly kind: "text"; readonly path: string; readonly content: string };

/** An ONNX model in one number format. */
export interface Variant {
  readonly precision: "float32" | QuantizationName;
  readonly model: OnnxModel;
}

/** A layout of an export. */
export interface Layout {
  /** What it is for, in a few words, for help. */
  readonly about: string;
  /** `library_name` of the model card. */
  readonly library: string;
  /** How a program loads it, as Markdown for the model card; `folder` is that of the export. */
  readonly usage: (folder: string) => string;
  /** Of a layout of ONNX files: the formats besides float32 that it has unless others are chosen. */
  readonly quantized?: readonly QuantizationName[];
  /** Of a layout of ONNX files: what those that preprocess take, as Markdown for the model card. */
  readonly preprocessed?: string;
  /**
   * The files; throws UsageError for a model that it cannot hold. Layouts without ONNX files get no variants, and no
   * `preprocessing`, which asks for graphs that preprocess.
   */
  files(source: PortableSource, variants: readonly Variant[], preprocessing: boolean): readonly ExportedFile[];
}

/** A JSON file. */
export const jsonFile = (path: string, value: unknown): ExportedFile => ({
  ...{ kind: "text", path },
  content: `${JSON.stringify(value, undefined, 2)}\n`,
});

/** Names of ONNX files in the folder of models for transformers.js, which chooses them by a suffix. */
const suffixes: Readonly<Record<Variant["precision"], string>> = {
  float32: "",
  float16: "_fp16",
  int8: "_quantized",
  "int8-static": "_int8",
  int4: "_q4",
};

/** The ONNX files of the variants in a folder. */
export const onnxFiles = (
  folder: string,
  variants: readonly Variant[],
  takes: "pixels" | WholeImage = "pixels",
): readonly ExportedFile[] =>
  variants.map(({ precision, model }) => ({
    ...{ kind: "onnx", path: `${folder}model${suffixes[precision]}.onnx`, precision, takes, model },
  }));
