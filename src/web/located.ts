/** Which file holds the weights: the one given, or that of a folder behind an address, or of a zip. */
import { DownloadError, FileError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";
import { bytesOf, type DownloadOptions, type FileInput, fetchedIfThere, type NamedBytes } from "./fetched.js";
import { isZip, unzipped, zipEntries } from "./zip.js";

/** Names of weights in folders, in order of preference: of a run of deit, and of everybody else. */
const usual = ["best.safetensors", "model.safetensors"] as const;

/** Weights with whether they were found in a folder, where other files may say more about them. */
export interface LocatedWeights extends NamedBytes {
  readonly inFolder: boolean;
}

/**
 * The file with the weights. An address that ends in "/" is that of a folder. Throws DownloadError, FileError for a folder
 * or zip without weights that pages read.
 */
export async function locateWeights(input: FileInput, options: DownloadOptions): Promise<LocatedWeights> {
  const folder = folderOf(input);
  if (folder !== undefined) return { ...(await inFolder(folder, options)), inFolder: true };
  const file = await bytesOf(input, "the weights", options);
  return isZip(file.bytes) ? { ...(await inZip(file)), inFolder: true } : { ...file, inFolder: false };
}

/** The address without what follows the path; undefined for what is no folder. */
function folderOf(input: FileInput): string | undefined {
  if (typeof input !== "string" && !(input instanceof URL)) return undefined;
  const path = String(input).replace(/[?#].*$/s, "");
  return path.endsWith("/") && !path.startsWith("data:") ? path : undefined;
}

async function inFolder(folder: string, options: DownloadOptions): Promise<NamedBytes> {
  for (const name of usual) {
    const found = await fetchedIfThere(folder + name, options);
    if (found) return found;
  }
  throw new DownloadError(`There is neither ${usual.join(" nor ")} in ${folder}; ${forms}.`);
}

async function inZip(archive: NamedBytes): Promise<NamedBytes> {
  const { name } = archive;
  const entries = [...zipEntries(archive).values()].filter((entry) => !/(^|\/)(__MACOSX|\.)/.test(entry.name));
  for (const wanted of usual) {
    const found = entries.filter((entry) => entry.name === wanted || entry.name.endsWith(`/${wanted}`));
    if (found.length > 1)
      throw new FileError(
        name,
        `"${name}" holds several models (${found.map((entry) => quoted(entry.name)).join(", ")}); give one of them as a file.`,
      );
    if (found.length === 1) return { name: `${name}/${found[0].name}`, bytes: await unzipped(archive, found[0]) };
  }
  const pytorch = entries.some((entry) => entry.name.endsWith("/data.pkl"));
  throw new FileError(
    name,
    pytorch
      ? `"${name}" is a PyTorch checkpoint, which pages do not read; export it for timm in Node (exportModel), which writes safetensors.`
      : `"${name}" holds neither ${usual.join(" nor ")}; ${forms}.`,
  );
}

const forms =
  "give a safetensors file, the folder of a run, or one that deit exported for transformers.js (ONNX files alone run in transformers.js, not here)";
