/** Locations of published weights on the Hugging Face hub: timm's repositories, safetensors with timm's names. */
import { UsageError } from "../errors/errors.js";

const repositories: Readonly<Record<string, string>> = {
  deit_tiny_patch16_224: "timm/deit_tiny_patch16_224.fb_in1k",
  deit_small_patch16_224: "timm/deit_small_patch16_224.fb_in1k",
  deit_base_patch16_224: "timm/deit_base_patch16_224.fb_in1k",
  deit_base_patch16_384: "timm/deit_base_patch16_384.fb_in1k",
  deit_tiny_distilled_patch16_224: "timm/deit_tiny_distilled_patch16_224.fb_in1k",
  deit_small_distilled_patch16_224: "timm/deit_small_distilled_patch16_224.fb_in1k",
  deit_base_distilled_patch16_224: "timm/deit_base_distilled_patch16_224.fb_in1k",
  deit_base_distilled_patch16_384: "timm/deit_base_distilled_patch16_384.fb_in1k",
  // Teachers (paper, table 2). The largest was trained with DeiT's own augmentation, the others by their authors.
  regnety_040: "timm/regnety_040.pycls_in1k",
  regnety_080: "timm/regnety_080.pycls_in1k",
  regnety_120: "timm/regnety_120.pycls_in1k",
  regnety_160: "timm/regnety_160.deit_in1k",
};

/** The repository of a model's weights, for `hub` or `hub:owner/name` (`hf:` means the same). */
export function hubRepository(weights: string, model: string | undefined): string {
  const named = weights.replace(/^(hub|hf):?/, "");
  if (named) {
    if (!/^\w[\w.-]*\/\w[\w.-]*$/.test(named))
      throw new UsageError(`"${weights}" does not name a repository; write hub:owner/name.`);
    return named;
  }
  const known = model !== undefined && Object.hasOwn(repositories, model) ? repositories[model] : undefined;
  if (!known) {
    throw new UsageError(
      `No published weights are known for ${model ?? "a model without a name"}; name the repository as hub:owner/name.`,
    );
  }
  return known;
}

export const isHubName = (weights: string): boolean => /^(hub|hf)(:|$)/.test(weights);
