/** Layouts of weights hold all heads of a model. */
import { UsageError } from "../../errors/errors.js";
import { sentence, setting } from "../../errors/sentence.js";
import type { PortableSource } from "../source.js";

/** Throws UsageError where one head is to be exported alone. */
export function requireBothHeads({ head, model }: PortableSource, layout: "transformers" | "timm"): void {
  if (head === "both" || !model.distilled) return;
  throw new UsageError(
    sentence`The layout ${layout} holds the weights of both heads, whose mean ${layout} computes, so ${setting("head", head)} has no effect; leave it out, or choose the layout onnx.`,
  );
}
