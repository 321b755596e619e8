/** Where published weights lie on the Hugging Face hub: repositories of timm, safetensors with timm's names. */
import { UsageError } from "../errors.js";

const repositories: Readonly<Record<string, string>> = {
  deit_tiny_patch16_224: "timm/deit_tiny_patch16_224.fb_in1k",
  deit_small_patch16_224: "timm/deit_small_patch16_224.fb_in1k",
  deit_base_patch16_224: "timm/deit_base_patch16_224.fb_in1k",
  deit_base_patch16_384: "timm/deit_base_patch16_384.fb_in1k",
  deit_tiny_distilled_patch16_224: "timm/deit_tiny_distilled_patch16_224.fb_in1k",
  deit_small_distilled_patch16_224: "timm/deit_small_distilled_patch16_224.fb_in1k",
  deit_base_distilled_patch16_224: "timm/deit_base_distilled_patch16_224.fb_in1k",
  deit_base_distilled_patch16_384: "timm/deit_base_distilled_patch16_384.fb_in1k",
};

/** The repository of a model's weights, for `hub` or `hub:owner/name`. */
export function hubRepository(weights: string, model: string | undefined): string {
  const named = weights.slice("hub".length).replace(/^:/, "");
  if (named) {
    if (!/^\w[\w.-]*\/\w[\w.-]*$/.test(named))
      throw new UsageError(`"${weights}" names no repository; write hub:owner/name.`);
    return named;
  }
  const known = model === undefined ? undefined : repositories[model];
  if (!known) {
    throw new UsageError(
      `No published weights are known for ${model ?? "a model without a name"}; name the repository as hub:owner/name.`,
    );
  }
  return known;
}

export const isHubName = (weights: string): boolean => weights === "hub" || weights.startsWith("hub:");
