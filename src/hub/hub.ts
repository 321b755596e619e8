/**
 * Files from the Hugging Face hub, in the cache shared by all of its programs. The hub's own client finds the file and
 * the cache's location; what it lacks is done here: interrupted downloads resume, a file is kept only if its SHA-256 is
 * the one stated by the hub, and snapshots are named by the commit of the whole repository, as in the Python programs.
 */
import { createHash } from "node:crypto";
import { copyFile, mkdir, rm, stat, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import {
  datasetInfo,
  getHFHubCachePath,
  getRepoFolderName,
  HUB_URL,
  modelInfo,
  type PathInfo,
  pathsInfo,
} from "@huggingface/hub";
import { DeitError, DownloadError, UsageError } from "../errors/errors.js";
import { fileError } from "../errors/file-error.js";
import { requireFreeSpace, writeFileAtomic } from "../system/files/atomic-file.js";
import { readText, readWhole } from "../system/files/regular-file.js";
import { download } from "../system/net/download.js";
import { isConnectionError, networkReason } from "../system/net/network-reason.js";
import { askHub, checkedEndpoint, checkedToken } from "./ask.js";

export type RepositoryKind = "model" | "dataset";

export interface HubOptions {
  /** Kind of repository (default: a model). */
  readonly kind?: RepositoryKind;
  /** Branch, tag or commit. */
  readonly revision?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
  /** Environment with HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE (default: that of the process). */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Where repositories keep their weights, in order of preference. */
const weightFiles = [
  ...["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"],
] as const;
/** Files that describe a model, besides its weights. */
const descriptions = ["config.json", "preprocessor_config.json"] as const;

/** A repository on a hub, as identified in every request. */
export interface Origin {
  readonly kind: RepositoryKind;
  readonly repository: string;
  readonly revision: string;
  readonly endpoint: string;
  readonly token?: string;
}

/**
 * Path of the weights of `repository` ("owner/name"): its safetensors file, or its PyTorch file if it has no other; or
 * the index of either, if they are in several files. Files that describe the model are fetched into the same folder.
 */
export async function hubWeights(repository: string, options: HubOptions = {}): Promise<string> {
  return firstOf(repository, weightFiles, descriptions, options);
}

/** Path of the weights of `repository` in the cache, if they are there in one file; nothing is asked or fetched. */
export async function cachedWeights(repository: string): Promise<string | undefined> {
  const origin = originOf(repository, {});
  const whole = weightFiles.filter((name) => !name.endsWith(".index.json"));
  return cachedFile(repositoryFolder(origin), origin.revision, whole);
}

/** Path of a file of `repository` ("owner/name") in the cache, downloaded if it is not there. */
export async function hubFile(repository: string, path: string, options: HubOptions = {}): Promise<string> {
  return firstOf(repository, [path], [], options);
}

/** The first of `paths` that the repository has; those files of `beside` that it has are fetched too. */
async function firstOf(
  repository: string,
  paths: readonly string[],
  beside: readonly string[],
  options: HubOptions,
): Promise<string> {
  const { revision = "main", environment = process.env } = options;
  for (const name of [revision, ...paths]) checkRelative(name);
  const origin = originOf(repository, options);
  const folder = repositoryFolder(origin);
  const cached = await cachedFile(folder, revision, paths);
  if (isOffline(environment)) {
    if (cached) return cached;
    throw new DownloadError(
      `"${paths[0]}" of ${repository} is not in the cache and HF_HUB_OFFLINE=${environment.HF_HUB_OFFLINE} forbids fetching it; unset it, or give a file.`,
    );
  }
  const found = await describe(origin, paths, beside, options.signal).catch((error: unknown) => {
    options.signal?.throwIfAborted();
    if (error instanceof DeitError) throw error;
    // Without a network, an earlier download is good enough.
    if (cached) return undefined;
    throw unreachable(origin, error);
  });
  if (!found) return cached!;
  for (const file of found.beside) await fetchInto(folder, origin, file, { ...options, onProgress: undefined });
  return fetchInto(folder, origin, found.first, options);
}

export function originOf(repository: string, options: HubOptions): Origin {
  const { kind = "model", revision = "main", environment = process.env } = options;
  const endpoint = (environment.HF_ENDPOINT || HUB_URL).replace(/\/+$/, "");
  return { kind, repository, revision, endpoint, token: environment.HF_TOKEN || undefined };
}

/** Folder of a repository in the cache. */
export function repositoryFolder({ kind, repository }: Origin): string {
  return join(getHFHubCachePath(), getRepoFolderName({ type: kind, name: repository }));
}

export const isOffline = (environment: NonNullable<HubOptions["environment"]>): boolean =>
  /^(1|on|yes|true)$/i.test(environment.HF_HUB_OFFLINE ?? "");

interface Found {
  readonly path: string;
  readonly size: number;
  /** The hash stated by the hub: SHA-256 for large files, Git's blob id for small ones. */
  readonly hash: { readonly kind: "sha256" | "git"; readonly value: string };
  readonly commit: string;
}

/** Fetches the file into the cache: the bytes under their hash, and a link to them in the snapshot of the commit. */
async function fetchInto(folder: string, origin: Origin, file: Found, options: HubOptions): Promise<string> {
  const { path, size, hash, commit } = file;
  const blob = join(folder, "blobs", hash.value);
  const pointer = join(folder, "snapshots", commit, path);
  const ref = join(folder, "refs", origin.revision);
  try {
    for (const f of [blob, pointer, ref]) await mkdir(dirname(f), { recursive: true });
  } catch (error) {
    throw fileError(folder, "create the cache folder", error);
  }
  if (!(await exists(pointer))) {
    if (!(await exists(blob))) {
      await requireFreeSpace(dirname(blob), size, `"${path}"`);
      const place = origin.kind === "dataset" ? `datasets/${origin.repository}` : origin.repository;
      const encoded = path.split("/").map(encodeURIComponent).join("/");
      await download(new URL(`${origin.endpoint}/${place}/resolve/${commit}/${encoded}`), blob, {
        ...(hash.kind === "sha256" ? { sha256: hash.value } : {}),
        size,
        headers: origin.token ? { authorization: `Bearer ${origin.token}` } : {},
        signal: options.signal,
        onProgress: options.onProgress,
      });
      if (hash.kind === "git") await requireGitName(blob, hash.value, file, origin);
    }
    await link(blob, pointer);
  }
  if (origin.revision !== commit) await writeFileAtomic(ref, commit);
  return pointer;
}

/** A symbolic link if the system allows one, else a copy. */
async function link(blob: string, pointer: string): Promise<void> {
  try {
    await rm(pointer, { force: true });
    await symlink(relative(dirname(pointer), blob), pointer).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") return undefined; // another process was faster
      return copyFile(blob, pointer);
    });
  } catch (error) {
    throw fileError(pointer, "write", error);
  }
}

/** Asks the hub for the first of `paths` that the repository has, at the commit that its revision refers to now. */
async function describe(
  origin: Origin,
  paths: readonly string[],
  beside: readonly string[],
  signal?: AbortSignal,
): Promise<{ readonly first: Found; readonly beside: readonly Found[] }> {
  const { kind, repository } = origin;
  const sha = await commitOf(origin, signal);
  const repo = { type: kind, name: repository } as const;
  const common = requestOptions(origin, signal);
  const infos = await pathsInfo({ repo, paths: [...paths, ...beside], revision: sha, ...common }).catch(
    (error: unknown) => {
      throw refusal(origin, error);
    },
  );
  const info = paths.map((path) => infos.find((i) => i.path === path)).find((i) => i !== undefined);
  if (!info)
    throw new DownloadError(`The repository ${repository} has no file "${paths.join('" or "')}"; check the name.`);
  const foundOf = (i: PathInfo): Found => ({
    ...{ path: i.path, size: sizeOf(origin, i), hash: hashOf(origin, i), commit: sha },
  });
  return { first: foundOf(info), beside: infos.filter((i) => beside.includes(i.path)).map(foundOf) };
}

/** Options of every call of the hub's client. Throws UsageError if the settings are not valid for a hub. */
export function requestOptions({ endpoint, token }: Origin, signal?: AbortSignal) {
  return {
    hubUrl: checkedEndpoint(endpoint),
    ...(token ? { accessToken: checkedToken(token) } : {}),
    fetch: askHub(endpoint, signal),
  };
}

/** The commit that a revision refers to now. */
export async function commitOf(origin: Origin, signal?: AbortSignal): Promise<string> {
  const { kind, repository: name, revision } = origin;
  const common = { name, revision, ...requestOptions(origin, signal) };
  const asked =
    kind === "model"
      ? modelInfo({ ...common, additionalFields: ["sha"] })
      : datasetInfo({ ...common, additionalFields: ["sha"] });
  const { sha } = await asked.catch((error: unknown) => {
    throw refusal(origin, error);
  });
  if (typeof sha !== "string" || !/^[0-9a-f]{40}$/.test(sha)) throw malformed(origin);
  return sha;
}

/** Largest file that the hub may store in Git itself. */
const largestInGit = 16 * 2 ** 20;

function hashOf({ repository }: Origin, { lfs, oid, path, size }: PathInfo): Found["hash"] {
  if (typeof lfs?.oid === "string" && /^[0-9a-f]{64}$/.test(lfs.oid)) return { kind: "sha256", value: lfs.oid };
  if (!lfs && typeof oid === "string" && /^[0-9a-f]{40}$/.test(oid) && size <= largestInGit)
    return { kind: "git", value: oid };
  throw new DownloadError(
    `The hub states no SHA-256 for "${path}" of ${repository}, so it cannot be checked; download it by hand.`,
  );
}

/** Removes a file and throws if its bytes do not match its Git blob id. */
async function requireGitName(blob: string, name: string, { path }: Found, { repository }: Origin): Promise<void> {
  const bytes = await readWhole(blob, largestInGit);
  if (createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex") === name) return;
  await rm(blob, { force: true });
  throw new DownloadError(`"${path}" of ${repository} does not match what the hub says about it; try again.`);
}

function sizeOf(origin: Origin, { size }: PathInfo): number {
  if (!Number.isSafeInteger(size) || size < 0) throw malformed(origin);
  return size;
}

/** A response with an error status, or one that the client cannot parse, as a sentence; other errors unchanged. */
export function refusal(origin: Origin, error: unknown): unknown {
  const { repository, revision } = origin;
  const status = (error as { statusCode?: number }).statusCode;
  if (status === undefined) return error instanceof DeitError || isConnectionError(error) ? error : malformed(origin);
  return new DownloadError(
    status === 401 || status === 403
      ? `The hub denies access to ${repository} (status ${status}); check the name, and set HF_TOKEN to a token with access.`
      : `The hub knows no ${repository} at revision ${revision} (status ${status}); check the name.`,
  );
}

function malformed({ endpoint, repository }: Origin): DownloadError {
  return new DownloadError(
    `${endpoint} did not return a valid Hugging Face response for ${repository}; check HF_ENDPOINT.`,
  );
}

/** The cached file of a revision that was fetched before. */
async function cachedFile(folder: string, revision: string, paths: readonly string[]): Promise<string | undefined> {
  const known = await readText(join(folder, "refs", revision), 256).catch(() => revision);
  for (const path of paths) {
    const pointer = join(folder, "snapshots", known.trim(), path);
    if (await exists(pointer)) return pointer;
  }
  return undefined;
}

/** Throws for names that would lead outside the cache, on any system. */
function checkRelative(name: string): void {
  if (name === "" || /[\\:]/.test(name) || name.split("/").some((part) => part === "" || part === "." || part === ".."))
    throw new UsageError(`"${name}" is not a file or revision of a repository; write it as the hub shows it.`);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

export function unreachable({ repository, endpoint }: Origin, error: unknown): DownloadError {
  return new DownloadError(
    `The hub at ${endpoint} cannot be reached for ${repository} (${networkReason(error)}); check the network and HF_ENDPOINT, or give a file.`,
    { cause: error },
  );
}
