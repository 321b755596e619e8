/** What the page and its worker say to each other. Plain data: it is copied from one to the other. */
import type { Backend, Prediction } from "deit/web";

/** Where a model's weights come from. */
export type WeightsSource =
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "file"; readonly file: File; readonly model?: string };

/** The part of a picture that a model sees. */
export interface Seen {
  /** Side of the square that is cut out, as a share of the shorter side of the picture. */
  readonly cropRatio: number;
  /** `squash`: the whole picture is made square first. */
  readonly cropMode: "center" | "squash";
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
  /** Patches to a side. */
  readonly grid: number;
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

/** What the worker does, with what it is told, what it returns, and what it tells meanwhile. */
export interface Calls {
  readonly open: { readonly takes: WeightsSource; readonly gives: OpenedModel; readonly tells: Progress };
  readonly classify: {
    readonly takes: { readonly model: number; readonly picture: Blob; readonly top: number };
    readonly gives: Answer;
    readonly tells: never;
  };
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
