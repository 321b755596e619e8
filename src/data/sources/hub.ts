/** Datasets from the Hugging Face hub: the Parquet files of the requested part, in the hub's own cache. */
import { UsageError } from "../../errors/errors.js";
import { hubDataset } from "../../hub/datasets.js";
import type { HubOptions } from "../../hub/hub.js";
import { type Dataset, type OpenOptions, withNotes } from "../dataset/dataset.js";
import type { OnOpening, OpeningProgress } from "../dataset/opening.js";
import { filesOfPart } from "../dataset/parts.js";
import { parquetDataset, requireOneConfiguration } from "./parquet/parquet.js";

/** `owner/name` or `owner/name@revision`; also `name` alone for the hub's oldest datasets. */
const repositoryName = /^((?:[\w.-]+\/)?[\w.-]+)(?:@([\w./-]+))?$/;

/** Opens `owner/name[@revision]`. */
export async function openHubDataset(name: string, options: OpenOptions, hub: HubOptions = {}): Promise<Dataset> {
  const [, repository, revision] = repositoryName.exec(name) ?? [];
  if (repository === undefined || repository.includes(".."))
    throw new UsageError(
      `"hf:${name}" does not name a dataset of the hub; write hf:owner/name, or hf:owner/name@revision.`,
    );
  const { names, file } = await hubDataset(repository, { ...hub, revision, signal: options.signal });
  requireOneConfiguration(`hf:${name}`, names, options.choices);
  const wanted = filesOfPart(`hf:${name}`, names, options.split, options.choices);
  const files = (async function* () {
    for (const each of wanted.names) yield await fetched(each, file, options.onProgress);
  })();
  return withNotes(await parquetDataset(repository, files, options), wanted.notes);
}

/** What is in the cache already is not reported. */
async function fetched(
  name: string,
  file: (name: string, onProgress: HubOptions["onProgress"]) => Promise<string>,
  onProgress: OnOpening | undefined,
): Promise<string> {
  let last: OpeningProgress | undefined;
  try {
    return await file(name, (done, total) => {
      const [now, all] = [Math.floor(done / 2 ** 20), Math.ceil(total / 2 ** 20)];
      if (last?.done === now) return;
      last = { doing: `fetching ${name}`, done: now, total: all, unit: "MiB", ended: false };
      onProgress?.(last);
    });
  } finally {
    if (last) onProgress?.({ ...last, ended: true });
  }
}
