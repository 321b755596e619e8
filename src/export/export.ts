/** Exports a model for other programs. */
import { mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UsageError } from "../errors/errors.js";
import { didYouMean } from "../errors/nearest.js";
import { type OnnxModel, sizeOfModel } from "../formats/onnx/graph.js";
import { encodeModel } from "../formats/onnx/write.js";
import { writeSafetensors } from "../formats/safetensors/safetensors.js";
import { writeFileAtomic } from "../system/files/atomic-file.js";
import { requireNewFolder, writeNewFolder } from "../system/files/new-folder.js";
import { type LayoutName, layoutNames, layouts } from "./layouts/index.js";
import type { ExportedFile } from "./layouts/layout.js";
import { openSource, type SourceChoice } from "./source.js";

/** What to export, in which form, and where. */
export interface ExportSettings extends SourceChoice {
  /** The layout: for which programs. */
  readonly to: LayoutName;
  /** The folder to create; it must not exist or be empty. */
  readonly output: string;
}

/** A file of an export. */
export interface WrittenFile {
  /** Its path in the folder of the export. */
  readonly path: string;
  /** Size in bytes. */
  readonly bytes: number;
}

/** What was exported. */
export interface ExportResult {
  /** The folder. */
  readonly output: string;
  /** The files in it, in the order of writing. */
  readonly files: readonly WrittenFile[];
  /** Notes on how the weights were interpreted. */
  readonly notes: readonly string[];
}

/**
 * Writes a model with its weights into a new folder, in the layout of other programs. Throws a DeitError if the model
 * cannot be opened or the layout cannot hold it; then nothing is written.
 *
 * @example
 * ```js
 * import { exportModel } from "deit";
 *
 * await exportModel({ weights: "runs/photos", to: "onnx", output: "photos-onnx" });
 * ```
 */
export async function exportModel({ to, output, ...choice }: ExportSettings): Promise<ExportResult> {
  if (!layoutNames.includes(to))
    throw new UsageError(
      `There is no layout "${to}"${didYouMean(to, layoutNames)} The layouts are ${layoutNames.join(", ")}.`,
    );
  await requireNewFolder(output);
  const source = await openSource(choice);
  const files = layouts[to].files(source);
  return writeNewFolder(output, async (folder) => {
    const written: WrittenFile[] = [];
    for (const file of files) {
      const path = join(folder, file.path);
      await mkdir(dirname(path), { recursive: true });
      await write(file, path);
      written.push({ path: file.path, bytes: (await stat(path)).size });
    }
    return { output, files: written, notes: source.notes.map(String) };
  });
}

async function write(file: ExportedFile, path: string): Promise<void> {
  if (file.kind === "onnx") await writeFileAtomic(path, encodeModel(requireOneFile(file.model)));
  else if (file.kind === "weights") await writeSafetensors(path, file.tensors, file.metadata);
  else await writeFileAtomic(path, file.content);
}

/** The limit of protocol buffers, less room for what is not weights. */
const largest = 2 ** 31 - 2 ** 20;

function requireOneFile(model: OnnxModel): OnnxModel {
  const bytes = sizeOfModel(model);
  if (bytes <= largest) return model;
  throw new UsageError(
    `The weights take ${(bytes / 2 ** 30).toFixed(1)} GiB, and an ONNX file holds at most 2; export a smaller model.`,
  );
}
