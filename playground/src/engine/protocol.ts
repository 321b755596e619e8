/** What the page and its worker say to each other. Plain data: it is copied from one to the other. */
import type { Backend, FineTuneEpoch, FineTuneEvent, HeldOut, Prediction } from "deit/web";

/** Where a model's weights come from. */
export type WeightsSource =
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "file"; readonly file: File; readonly model?: string }
  | { readonly kind: "kept"; readonly name: string };

/** The part of a picture that a model sees. */
export interface Seen {
  /** Side of the model's input in pixels, or `[height, width]`. */
  readonly imageSize: number | readonly [height: number, width: number];
  /** What is cut out, as a share of the largest part of the picture that has the shape of the input. */
  readonly cropRatio: number;
  /** `squash`: the whole picture gets the shape of the input first; `native`: the input nearly has that of the picture. */
  readonly cropMode: "center" | "squash" | "border" | "native";
}

/** A model that the worker has opened. */
export interface OpenedModel {
  /** Its number in the worker. */
  readonly id: number;
  readonly classes?: readonly string[];
  readonly notes: readonly string[];
  readonly backend: Backend;
  readonly seen: Seen;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
}

/** Attention to the patches of a picture, row by row. */
export interface Maps {
  /** Rows and columns of patches. */
  readonly grid: readonly [rows: number, columns: number];
  /** In the last block, one map per head. */
  readonly heads: readonly ArrayLike<number>[];
  /** Through all blocks. */
  readonly rollout: ArrayLike<number>;
}

/** The answer to a picture. */
export interface Answer {
  readonly predictions: readonly Prediction[];
  /** Undefined for a model without attention. */
  readonly attention?: Maps;
}

/** What is trained. */
export interface TrainingChoice {
  /** Blocks at the end of the model that are trained with the head. */
  readonly blocks: number;
}

/** Classes with their pictures, for a model to begin with. */
export interface Lesson {
  /** Number of the model. */
  readonly base: number;
  readonly classes: readonly { readonly name: string; readonly pictures: readonly Blob[] }[];
  readonly choice: TrainingChoice;
}

/** What came of it. */
export interface Taught {
  readonly opened: OpenedModel;
  readonly history: readonly FineTuneEpoch[];
  readonly heldOut?: HeldOut;
}

/** What the worker does, with what it is told, what it returns, and what it tells meanwhile. */
export interface Calls {
  readonly open: { readonly takes: WeightsSource; readonly gives: OpenedModel; readonly tells: Progress };
  readonly classify: {
    readonly takes: { readonly model: number; readonly picture: Blob; readonly top: number };
    readonly gives: Answer;
    readonly tells: never;
  };
  readonly teach: { readonly takes: Lesson; readonly gives: Taught; readonly tells: FineTuneEvent };
  /** A model as a file to download. */
  readonly write: {
    readonly takes: { readonly model: number; readonly to: "safetensors" | "huggingface"; readonly name: string };
    readonly gives: File;
    readonly tells: never;
  };
  /** Keeps a model in the browser. */
  readonly keep: {
    readonly takes: { readonly model: number; readonly name: string };
    readonly gives: undefined;
    readonly tells: never;
  };
  /** Names of the models that are kept in the browser. */
  readonly kept: { readonly takes: undefined; readonly gives: readonly string[]; readonly tells: never };
  /** Deletes one of them. */
  readonly drop: { readonly takes: string; readonly gives: undefined; readonly tells: never };
  /** Names of models, for weights that do not state theirs. */
  readonly names: { readonly takes: undefined; readonly gives: readonly string[]; readonly tells: never };
  readonly close: { readonly takes: number; readonly gives: undefined; readonly tells: never };
}

export type CallName = keyof Calls;

/** From the page. */
export type ToWorker =
  | { readonly kind: "call"; readonly id: number; readonly name: CallName; readonly takes: unknown }
  | { readonly kind: "cancel"; readonly id: number };

/** Why a call failed. */
export interface Failure {
  /** A sentence for the reader. */
  readonly message: string;
  /** What would have helped: the name of the model, which the weights do not state. */
  readonly wants?: "model";
  /** Whether the caller asked for it to end. */
  readonly cancelled: boolean;
}

/** From the worker. */
export type FromWorker =
  | { readonly kind: "told"; readonly id: number; readonly event: unknown }
  | { readonly kind: "done"; readonly id: number; readonly gives: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly failure: Failure };
