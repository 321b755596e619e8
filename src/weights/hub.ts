/**
 * Files from the Hugging Face hub, in the cache that all its programs share. The hub's own client finds the file and
 * knows the cache's layout; what it lacks is done here: a download that was cut off goes on where it stopped, and a
 * file is kept only when its SHA-256 is the one the hub states.
 */
import { mkdir, readFile, rm, stat, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { getHFHubCachePath, getRepoFolderName, type PathInfo, pathsInfo } from "@huggingface/hub";
import { DownloadError } from "../errors.js";
import { fileError, requireFreeSpace, writeFileAtomic } from "../system/atomic-file.js";
import { download } from "../system/download.js";

export interface HubOptions {
  readonly revision?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
  /** Environment with HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE; the process's own unless told. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Path of a file of `repository` ("owner/name") in the cache, downloaded if it is not there yet. */
export async function hubFile(repository: string, path: string, options: HubOptions = {}): Promise<string> {
  const { revision = "main", environment = process.env } = options;
  const folder = join(getHFHubCachePath(), getRepoFolderName({ type: "model", name: repository }));
  const cached = await cachedFile(folder, revision, path);
  if (environment.HF_HUB_OFFLINE === "1") {
    if (cached) return cached;
    throw new DownloadError(
      `"${path}" of ${repository} is not in the cache and HF_HUB_OFFLINE=1 forbids fetching it; unset it, or give a file with --weights.`,
    );
  }
  const endpoint = (environment.HF_ENDPOINT ?? "https://huggingface.co").replace(/\/+$/, "");
  const token = environment.HF_TOKEN;
  const info = await describe(repository, path, revision, endpoint, token).catch((error: unknown) => {
    // Without a network, what was fetched before will do.
    if (cached && !(error instanceof DownloadError)) return undefined;
    throw error instanceof DownloadError ? error : unreachable(repository, endpoint, error);
  });
  if (!info) return cached!;
  const hash = info.lfs?.oid;
  if (!hash || !/^[0-9a-f]{64}$/.test(hash)) {
    throw new DownloadError(
      `The hub states no SHA-256 for "${path}" of ${repository}, so it cannot be checked; download it by hand.`,
    );
  }
  const commit = info.lastCommit?.id ?? hash;
  const pointer = join(folder, "snapshots", commit, path);
  if (await exists(pointer)) return pointer;
  const blob = join(folder, "blobs", hash);
  try {
    await mkdir(dirname(blob), { recursive: true });
    await mkdir(dirname(pointer), { recursive: true });
  } catch (error) {
    throw fileError(folder, "create the cache folder", error);
  }
  if (!(await exists(blob))) {
    const url = new URL(`${endpoint}/${repository}/resolve/${encodeURIComponent(revision)}/${path}`);
    await requireFreeSpace(dirname(blob), info.size, `"${path}"`);
    await download(url, blob, {
      sha256: hash,
      size: info.size,
      headers: token ? { authorization: `Bearer ${token}` } : {},
      signal: options.signal,
      onProgress: options.onProgress,
    });
  }
  await rm(pointer, { force: true });
  await symlink(relative(dirname(pointer), blob), pointer);
  await mkdir(join(folder, "refs"), { recursive: true });
  await writeFileAtomic(join(folder, "refs", revision.replaceAll("/", "--")), commit);
  return pointer;
}

async function describe(
  repository: string,
  path: string,
  revision: string,
  hubUrl: string,
  token?: string,
): Promise<PathInfo> {
  const found = await pathsInfo({
    repo: { type: "model", name: repository },
    paths: [path],
    revision,
    expand: true,
    hubUrl,
    ...(token ? { accessToken: token } : {}),
  }).catch((error: unknown) => {
    const status = (error as { statusCode?: number }).statusCode;
    if (status === undefined) throw error;
    throw new DownloadError(
      status === 401 || status === 403
        ? `The hub does not let you read ${repository} (status ${status}); set HF_TOKEN to a token that may.`
        : `The hub knows no ${repository} at revision ${revision} (status ${status}); check the name.`,
    );
  });
  if (found.length !== 1)
    throw new DownloadError(`The repository ${repository} has no file "${path}"; check the name.`);
  return found[0];
}

/** What the cache holds for a revision it has seen before. */
async function cachedFile(folder: string, revision: string, path: string): Promise<string | undefined> {
  const known = await readFile(join(folder, "refs", revision.replaceAll("/", "--")), "utf8").catch(() => revision);
  const pointer = join(folder, "snapshots", known.trim(), path);
  return (await exists(pointer)) ? pointer : undefined;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

function unreachable(repository: string, endpoint: string, error: unknown): DownloadError {
  const reason =
    error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error);
  return new DownloadError(
    `The hub at ${endpoint} cannot be reached for ${repository} (${reason}); check the network and HF_ENDPOINT, or give a file with --weights.`,
  );
}
