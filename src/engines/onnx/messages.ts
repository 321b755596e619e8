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
      readonly updates: readonly StateUpdate[];
      readonly outputs: readonly string[];
    }
  | { readonly kind: "end-profiling"; readonly session: number };

export interface Envelope {
  readonly id: number;
  readonly request: Request;
}

export type Reply =
  | { readonly id: number; readonly kind: "done"; readonly tensors: TensorEntries }
  | { readonly id: number; readonly kind: "failed"; readonly message: string };
