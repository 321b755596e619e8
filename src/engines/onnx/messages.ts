/** Messages between the ONNX engine and its worker thread. */
import type { DType, HostTensor, Shape } from "../../tensor/index.js";

export type TensorEntries = readonly (readonly [string, HostTensor])[];

/**
 * Name of a program's first output, an empty sequence. ONNX Runtime's binding copies each output into memory of JavaScript's own,
 * also one that was written to memory given to it: a training step's whole state, in every run. It cannot do so with a sequence,
 * and stops there.
 */
export const sequenceOutput = "deit:unconverted";

/** An output of a program. */
export interface OutputType {
  readonly output: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** An update of state: which output is the new value, and whether it may overwrite the old one. */
export interface StateUpdate extends OutputType {
  readonly state: string;
  readonly inPlace: boolean;
}

export type Request =
  | {
      readonly kind: "load";
      readonly session: number;
      readonly model: Uint8Array;
      readonly threads: number;
      /** Whether threads spin or sleep while they have nothing to do. */
      readonly idle: "spin" | "sleep";
      /** Whether working memory is kept from one run to the next. */
      readonly arena: boolean;
      readonly profile?: string;
    }
  /**
   * A model from a file, with its own shapes; its threads do not spin, since a second engine works at the same time.
   */
  | { readonly kind: "open"; readonly session: number; readonly path: string; readonly threads: number }
  | { readonly kind: "unload"; readonly session: number }
  /** Each tensor has memory of its own, which is handed over. */
  | { readonly kind: "write"; readonly state: number; readonly tensors: TensorEntries }
  | { readonly kind: "read"; readonly state: number; readonly names?: readonly string[] }
  | { readonly kind: "dispose"; readonly state: number }
  | {
      readonly kind: "run";
      readonly session: number;
      readonly state: number;
      readonly data: TensorEntries;
      readonly stateInputs: readonly string[];
      readonly updates: readonly StateUpdate[];
      readonly outputs: readonly OutputType[];
    }
  | {
      readonly kind: "run-file";
      readonly session: number;
      readonly state: number;
      readonly inputs: readonly (readonly [input: string, state: string])[];
      readonly output: string;
    }
  | { readonly kind: "end-profiling"; readonly session: number };

export interface Envelope {
  readonly id: number;
  readonly request: Request;
}

/** An input or output of a model from a file. */
export interface FileValue {
  readonly name: string;
  /** ONNX Runtime's name, such as "float32"; undefined for values that are not tensors. */
  readonly type?: string;
  /** A name or -1 denotes a dynamic dimension. */
  readonly shape: readonly (number | string)[];
}

/** Inputs and outputs of a model from a file. */
export interface FileSignature {
  readonly inputs: readonly FileValue[];
  readonly outputs: readonly FileValue[];
}

export type Reply =
  | { readonly id: number; readonly kind: "done"; readonly tensors: TensorEntries; readonly signature?: FileSignature }
  | { readonly id: number; readonly kind: "failed"; readonly message: string };
