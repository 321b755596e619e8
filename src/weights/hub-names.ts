/** Where published weights lie on the Hugging Face hub: repositories of timm, safetensors with timm's names. */
import { UsageError } from "../errors/errors.js";
import { registeredModel } from "../models/registry.js";

/**
 * The repository of a model's weights, for `hub`, `hub:TAG` (one of several trainings of the model) or `hub:owner/name`
 * (`hf:` means the same).
 */
export function hubRepository(weights: string, model: string | undefined): string {
  const named = weights.replace(/^(hub|hf):?/, "");
  if (/^\w[\w.-]*\/\w[\w.-]*$/.test(named)) return named;
  const { hub: [usual, ...others] = [] } = (model === undefined ? undefined : registeredModel(model)) ?? {};
  if (named !== "" && (usual === undefined || !/^\w+$/.test(named)))
    throw new UsageError(`"${weights}" does not name a repository; write hub:owner/name.`);
  if (usual === undefined)
    throw new UsageError(
      `No published weights are known for ${model ?? "a model without a name"}; name the repository as hub:owner/name.`,
    );
  if (named === "") return usual;
  const all = [usual, ...others];
  const found = all.find((repository) => tagOf(repository) === named);
  if (found) return found;
  throw new UsageError(
    `The weights of ${model} are published as ${all.map(tagOf).join(" and ")}, not as "${named}"; write hub:${tagOf(usual)}, or hub:owner/name for any repository.`,
  );
}

/** What follows the model's name: how the weights were trained. */
const tagOf = (repository: string): string => repository.slice(repository.lastIndexOf(".") + 1);

export const isHubName = (weights: string): boolean => /^(hub|hf)(:|$)/.test(weights);
