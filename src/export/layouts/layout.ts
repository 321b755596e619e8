/** What a layout is: the files of a model in the form that one kind of program reads. */
import type { OnnxModel } from "../../formats/onnx/graph.js";
import type { NamedTensors } from "../../tensor/index.js";
import type { ExportSource } from "../source.js";

/** A file of an export, before it is written; its path is relative to the folder of the export. */
export type ExportedFile =
  | { readonly kind: "onnx"; readonly path: string; readonly model: OnnxModel }
  | {
      readonly kind: "weights";
      readonly path: string;
      readonly tensors: NamedTensors;
      readonly metadata: Readonly<Record<string, string>>;
    }
  | { readonly kind: "text"; readonly path: string; readonly content: string };

/** A layout of an export. */
export interface Layout {
  /** What it is for, in a few words, for help. */
  readonly about: string;
  /** The files; throws UsageError for a model that it cannot hold. */
  files(source: ExportSource): readonly ExportedFile[];
}
