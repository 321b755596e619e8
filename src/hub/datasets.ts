/** Datasets on the Hugging Face hub: which files a repository has at one commit, each downloaded when needed. */
import { mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { listFiles } from "@huggingface/hub";
import { DeitError, DownloadError } from "../errors/errors.js";
import { fileError } from "../errors/file-error.js";
import { writeFileAtomic } from "../system/files/atomic-file.js";
import { readText } from "../system/files/regular-file.js";
import {
  commitOf,
  type HubOptions,
  hubFile,
  isOffline,
  type Origin,
  originOf,
  refusal,
  repositoryFolder,
  requestOptions,
  unreachable,
} from "./hub.js";

export interface HubDataset {
  /** Names of its Parquet files, in the hub's order. */
  readonly names: readonly string[];
  /** Path of a file in the cache, downloaded if it is not there. */
  file(name: string, onProgress?: HubOptions["onProgress"]): Promise<string>;
}

/** Branch on which the hub stores every dataset as Parquet files, whatever its original format. */
const converted = "refs/convert/parquet";
/** More files than any repository needs. */
const mostFiles = 100_000;

/** The Parquet files of a dataset ("owner/name"): its own at `revision`, else those that the hub has converted. */
export async function hubDataset(repository: string, options: HubOptions = {}): Promise<HubDataset> {
  const asked = { ...options, kind: "dataset" as const };
  const revisions = options.revision === undefined ? ["main", converted] : [options.revision];
  for (const revision of revisions) {
    const found = await filesAt(originOf(repository, { ...asked, revision }), asked);
    if (found.names.length === 0) continue;
    return {
      names: found.names,
      file: (name, onProgress) => hubFile(repository, name, { ...asked, revision: found.commit, onProgress }),
    };
  }
  throw new DownloadError(
    `The dataset ${repository} has no Parquet files at ${revisions.join(" or ")}; download it by hand and give its folder.`,
  );
}

interface Files {
  readonly commit: string;
  readonly names: readonly string[];
}

async function filesAt(origin: Origin, { environment = process.env, signal }: HubOptions): Promise<Files> {
  const known = await cachedFiles(origin);
  if (isOffline(environment)) return known ?? { commit: origin.revision, names: [] };
  try {
    return await listAt(origin, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof DownloadError) {
      // Not every repository has a converted branch.
      if (origin.revision === converted) return { commit: origin.revision, names: [] };
      throw error;
    }
    if (error instanceof DeitError) throw error;
    if (known) return known;
    throw unreachable(origin, error);
  }
}

async function listAt(origin: Origin, signal: AbortSignal | undefined): Promise<Files> {
  const commit = await commitOf(origin, signal);
  const repo = { type: "dataset", name: origin.repository } as const;
  const names: string[] = [];
  try {
    for await (const entry of listFiles({
      repo,
      recursive: true,
      revision: commit,
      ...requestOptions(origin, signal),
    })) {
      if (entry.type === "file" && entry.path.endsWith(".parquet")) names.push(entry.path);
      if (names.length > mostFiles)
        throw new DownloadError(`The dataset ${origin.repository} has more than ${mostFiles} files.`);
    }
  } catch (error) {
    throw refusal(origin, error);
  }
  if (names.length > 0 && commit !== origin.revision) await remember(origin, commit);
  return { commit, names };
}

/** Records which commit a branch referred to, for use without a network. */
async function remember(origin: Origin, commit: string): Promise<void> {
  const ref = join(repositoryFolder(origin), "refs", origin.revision);
  try {
    await mkdir(dirname(ref), { recursive: true });
    await writeFileAtomic(ref, commit);
  } catch (error) {
    throw fileError(ref, "write", error);
  }
}

/** Files of a revision from earlier downloads. */
async function cachedFiles(origin: Origin): Promise<Files | undefined> {
  const folder = repositoryFolder(origin);
  const commit = (await readText(join(folder, "refs", origin.revision), 256).catch(() => origin.revision)).trim();
  const snapshot = join(folder, "snapshots", commit);
  const found = await readdir(snapshot, { recursive: true }).catch((): string[] => []);
  const names = found.filter((name) => name.endsWith(".parquet")).map((name) => name.replaceAll("\\", "/"));
  return names.length > 0 ? { commit, names: names.sort() } : undefined;
}
