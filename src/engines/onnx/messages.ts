/** What the ONNX engine and its worker thread say to each other. */
import type { HostTensor } from "../../tensor/index.js";

export type TensorEntries = readonly (readonly [string, HostTensor])[];

/** An update of state: where the new value comes out and whether it may overwrite the old one. */
export interface StateUpdate {
  readonly state: string;
  readonly output: string;
  readonly inPlace: boolean;
}

export type Request =
  | {
      readonly kind: "load";
      readonly session: number;
      readonly model: Uint8Array;
      readonly threads: number;
      readonly profile?: string;
    }
  /** A model from a file, which brings its own shapes; threads do not wait actively, since another engine works too. */
  | { readonly kind: "open"; readonly session: number; readonly path: string; readonly threads: number }
  | { readonly kind: "unload"; readonly session: number }
  | { readonly kind: "write"; readonly state: number; readonly tensors: TensorEntries }
  | { readonly kind: "read"; readonly state: number; readonly names?: readonly string[] }
  | { readonly kind: "dispose"; readonly state: number }
  | {
      readonly kind: "run";
      readonly session: number;
      readonly state: number;
      readonly data: TensorEntries;
      readonly stateInputs: readonly string[];
      /** State under another name than the input's. */
      readonly renamed?: readonly (readonly [input: string, state: string])[];
      readonly updates: readonly StateUpdate[];
      readonly outputs: readonly string[];
    }
  | { readonly kind: "end-profiling"; readonly session: number };

export interface Envelope {
  readonly id: number;
  readonly request: Request;
}

/** An input or output of a model from a file. */
export interface FileValue {
  readonly name: string;
  /** ONNX Runtime's word, such as "float32"; undefined for what is not a tensor. */
  readonly type?: string;
  /** A name, or -1, stands for a dimension that is free. */
  readonly shape: readonly (number | string)[];
}

/** What a model from a file takes and gives. */
export interface FileSignature {
  readonly inputs: readonly FileValue[];
  readonly outputs: readonly FileValue[];
}

export type Reply =
  | { readonly id: number; readonly kind: "done"; readonly tensors: TensorEntries; readonly signature?: FileSignature }
  | { readonly id: number; readonly kind: "failed"; readonly message: string };
