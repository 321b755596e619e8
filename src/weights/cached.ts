/** Published weights that an earlier download left in the hub's cache. */
import { registeredModel } from "../models/registry.js";

export interface CachedWeights {
  /** The repository, as "owner/name". */
  readonly repository: string;
  /** The file in the cache. */
  readonly path: string;
}

/** The usual published weights of a model, if they are in the cache in one file; never asks the hub. */
export async function cachedHubWeights(model: string): Promise<CachedWeights | undefined> {
  const repository = registeredModel(model)?.hub?.[0];
  if (repository === undefined) return undefined;
  const { cachedWeights } = await import("../hub/hub.js");
  const path = await cachedWeights(repository);
  return path === undefined ? undefined : { repository, path };
}
