/** What may be trained of a model while the rest stays as it is. */
import { UsageError } from "../errors/errors.js";
import type { Model, ParameterPart } from "./model.js";
import { headInputs, tailAbove, tokensBefore } from "./tail.js";

/** Everything, or the parameters of these parts alone. */
export const trainedParts = {
  all: undefined,
  attention: ["attention", "positions", "head"],
  head: ["head"],
} as const satisfies Readonly<Record<string, readonly ParameterPart[] | undefined>>;

/** How the last blocks are written, with the norm after them and the heads; N stands for their number. */
export const lastBlocksForm = "last-N-blocks";
/** A number of last blocks. */
export const lastBlocksPattern = { before: "last-", number: /^[1-9]\d*$/, after: "-blocks" } as const;

/** A choice of what is trained, such as `head` or `last-4-blocks`. */
export type TrainedParts = keyof typeof trainedParts | `last-${string}-blocks`;

/** What is trained of a model. */
export interface Trained {
  /** Whether a parameter of this name is. */
  readonly moves: (name: string) => boolean;
  /**
   * Names of the observed values that the trained part reads, if nothing below them moves; undefined if something may.
   */
  readonly cut?: readonly string[];
}

/** Throws UsageError for a choice of which the model has nothing, or not so many blocks. */
export function trainedOf(model: Model, choice: TrainedParts): Trained {
  if (choice === "all") return { moves: () => true };
  const blocks = lastBlocksOf(choice);
  if (blocks !== undefined) {
    const cut = [tokensBefore(model, blocks)];
    const moving = new Set(tailAbove(model, cut).parameters.map(({ name }) => name));
    return { moves: (name) => moving.has(name), cut };
  }
  const parts: readonly unknown[] = trainedParts[choice as keyof typeof trainedParts] ?? [];
  const moving = new Set(model.parameters.flatMap((spec) => (parts.includes(spec.part) ? [spec.name] : [])));
  if (moving.size === 0)
    throw new UsageError(
      `The model "${model.name}" names no parameters as those of ${parts.join(", ")}, so trainedParts=${choice} would train nothing; declare its head by nn.head, or set trainedParts=all.`,
    );
  return { moves: (name) => moving.has(name), cut: choice === "head" ? headInputs(model) : undefined };
}

/** The number of last blocks that are chosen; undefined for another choice. */
export function lastBlocksOf(choice: TrainedParts): number | undefined {
  const { before, number, after } = lastBlocksPattern;
  const inner = choice.startsWith(before) && choice.endsWith(after) ? choice.slice(before.length, -after.length) : "";
  return number.test(inner) ? Number(inner) : undefined;
}
