/** Names of models as timm writes them. */

/** The model's name without timm's places and tags: `hf_hub:timm/deit_tiny_patch16_224.fb_in1k` is deit_tiny_patch16_224. */
export const bareModelName = (name: string): string => name.replace(/^.*\//, "").replace(/\..*$/, "");
