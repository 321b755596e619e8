/** The depth of each parameter in its model: stem, blocks, heads. Layer-wise learning rates go by it. */
import { UsageError } from "../errors/errors.js";
import type { Model } from "./model.js";
import { isHead } from "./parts.js";

/** Blocks of vision transformers (`blocks.3.attn.qkv.weight`) and of RegNetY (`s2.b1.conv1.conv.weight`). */
const blockOf = (parameter: string): string | undefined => /^(?:blocks\.\d+|s\d+\.b\d+)(?=\.)/.exec(parameter)?.[0];

/**
 * The layer of each parameter and buffer by name, as timm counts them: 0 is everything before the first block (patches,
 * tokens, positions, stem), then each block is one layer, with what follows it up to the next (the final norm belongs to
 * the last block), and the heads are the last. Throws UsageError for a model whose blocks cannot be told by their names.
 */
export function layerNumbers({ name, parameters }: Pick<Model, "name" | "parameters">): ReadonlyMap<string, number> {
  const blocks = [...new Set(parameters.flatMap((spec) => blockOf(spec.name) ?? []))];
  if (blocks.length === 0)
    throw new UsageError(
      `The model "${name}" has no blocks named blocks.0, blocks.1 and so on, so its layers are unknown; name its blocks like that, or set layerDecay=1.`,
    );
  const numbers = new Map<string, number>();
  let layer = 0;
  for (const spec of parameters) {
    const block = blockOf(spec.name);
    if (block !== undefined) layer = blocks.indexOf(block) + 1;
    numbers.set(spec.name, isHead(spec) ? blocks.length + 1 : layer);
  }
  return numbers;
}
