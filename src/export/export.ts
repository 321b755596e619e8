/** Exports a model for other programs. */

import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Dataset } from "../data/dataset/dataset.js";
import type { Engine } from "../engines/engine.js";
import { createOnnxEngine } from "../engines/onnx/engine.js";
import { FileError } from "../errors/errors.js";
import { fileError } from "../errors/file-error.js";
import {
  aBoolean,
  abortSignal,
  aFunction,
  type Check,
  checkOptions,
  type OptionChecks,
  oneOf,
  strings,
  wholeFrom,
} from "../errors/options.js";
import { imageSizeOption } from "../geometry/image-size.js";
import { chosen, type PortableChoice } from "../portable/choice.js";
import { type ExportedFile, jsonFile } from "../portable/layouts/layout.js";
import { modelCard } from "../portable/model-card.js";
import { piecesOf, requireOneFile } from "../portable/pieces.js";
import { quantizations } from "../portable/quantize/index.js";
import type { Verification } from "../portable/verification.js";
import { writeFileAtomic } from "../system/files/atomic-file.js";
import { makeFolder } from "../system/files/make-folder.js";
import { requireNewFolder, writeNewFolder } from "../system/files/new-folder.js";
import { sizeOf } from "../tensor/index.js";
import { exportImages } from "./images.js";
import { requireGoingOn } from "./interruption.js";
import { measureExport, requireLoss } from "./measure.js";
import { openSource, type SourceChoice } from "./source.js";
import { calibratedVariants } from "./variants.js";

/** What to export, in which form, and where. */
export interface ExportSettings extends SourceChoice, PortableChoice {
  /** The folder to create; it must not exist or be empty. */
  readonly output: string;
  /** Images to compare the files with the source on, of the model's classes (default: built-in images without labels). */
  readonly data?: Dataset;
  /**
   * Images whose activations decide the ranges of `int8-static` (default: 32 of `data`, or of the built-in images, on
   * which nothing is measured then).
   */
  readonly calibration?: Dataset;
  /** The most images to measure on, evenly spaced (default: 500 of `data`; 64 built-in ones). */
  readonly images?: number;
  /**
   * Refuses an export of which a file loses more than these points of top-1 accuracy; of agreement with the source if
   * there is no `data`.
   */
  readonly maxLoss?: number;
  /** The engine that runs the source, which is left open (default: one of ONNX Runtime). */
  readonly engine?: Engine;
  /** Ends the export with InterruptedError; nothing is written. */
  readonly signal?: AbortSignal;
  /** Called before the first file is written: from here on an export that ends early has something to remove. */
  readonly onWriting?: () => void;
  /** Called with the number of images measured, of a total. */
  readonly onMeasured?: (done: number, total: number) => void;
}

/** What was exported. */
export interface ExportResult {
  /** The folder. */
  readonly output: string;
  /** The files with their sizes in bytes. */
  readonly files: readonly WrittenFile[];
  /** How the files compare with the source. */
  readonly verification: Verification;
  /** Notes on how the weights were interpreted. */
  readonly notes: readonly string[];
}

/** A file of an export. */
export interface WrittenFile {
  /** Its path in the folder of the export. */
  readonly path: string;
  /** Size in bytes. */
  readonly bytes: number;
}

const aDataset: Check = {
  allows: (value) => typeof value === "object" && value !== null && "length" in value && "source" in value,
  expected: "a dataset, as openDataset returns",
};

const aString: Check = { allows: (value) => typeof value === "string" && value !== "", expected: "a text" };

const points: Check = {
  allows: (value) => typeof value === "number" && value >= 0 && value <= 100,
  expected: "a number of points from 0 to 100",
};

/** The model and how it sees images are checked where it is opened. */
const exportOptions: OptionChecks<ExportSettings> = {
  ...{ to: aString, output: aString, quantize: strings, preprocessing: aBoolean },
  ...{ data: aDataset, calibration: aDataset, images: wholeFrom(1), maxLoss: points, engine: undefined },
  ...{ signal: abortSignal, onWriting: aFunction, onMeasured: aFunction, onProgress: aFunction },
  ...{ cropMode: undefined, borderColor: undefined },
  ...{ weights: aString, model: aString, ownModel: undefined, classes: strings, license: aString },
  head: oneOf("both", "class", "distillation"),
  ...{
    imageSize: imageSizeOption,
    cropRatio: undefined,
    interpolation: undefined,
    normalization: undefined,
    exif: undefined,
  },
};

/**
 * Writes a model with its weights into a new folder, in the layout of other programs, and compares every file with the
 * model on images. Throws a DeitError if the model cannot be opened, the layout cannot hold it, or it loses more than is
 * allowed; then nothing is written.
 *
 * @example
 * ```js
 * import { exportModel } from "deit";
 *
 * const { verification } = await exportModel({ weights: "runs/photos", to: "onnx", output: "photos-onnx" });
 * console.log(verification.files);
 * ```
 */
export async function exportModel(settings: ExportSettings): Promise<ExportResult> {
  checkOptions("exportModel", settings, exportOptions);
  const { output, preprocessing = false, maxLoss, signal, onWriting, onMeasured } = settings;
  const { layout, formats } = chosen(settings);
  await requireNewFolder(output);
  const source = await openSource(settings);
  if (layout.quantized) requireOneFile(source.model.parameters.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0));
  const { measured, calibration } = exportImages(
    settings,
    source,
    formats.some((name) => quantizations[name].calibrated),
  );
  const variants = layout.quantized ? await calibratedVariants(source, formats, { calibration, signal }) : [];
  const files = layout.files(source, variants, preprocessing);
  const engine = settings.engine ?? (await createOnnxEngine());
  try {
    onWriting?.();
    return await writeNewFolder(output, async (folder) => {
      const written: { file: ExportedFile; bytes: number }[] = [];
      const add = async (file: ExportedFile) => {
        requireGoingOn(signal);
        written.push({ file, bytes: await write(file, { folder, output }) });
      };
      for (const file of files) await add(file);
      const verification = await measureExport({
        ...{ engine, source, folder, files: written, images: measured, calibration, signal },
        onProgress: (done) => onMeasured?.(done, measured.dataset.length),
      });
      if (maxLoss !== undefined) requireLoss(verification, maxLoss);
      await add(jsonFile("verification.json", verification));
      await add(modelCard({ source, layout, preprocessing, folder: basename(output), verification }));
      return {
        ...{ output, verification, notes: source.notes.map(String) },
        files: written.map(({ file, bytes }) => ({ path: file.path, bytes })),
      };
    });
  } finally {
    if (!settings.engine) await engine.close();
  }
}

/** Writes a file into the folder that becomes `output`, and returns its size. */
async function write(
  file: ExportedFile,
  { folder, output }: Readonly<Record<"folder" | "output", string>>,
): Promise<number> {
  const path = join(folder, file.path);
  await makeFolder(dirname(path));
  await writeFileAtomic(path, piecesOf(file)).catch((error) => {
    // The folder has its name only when all is written.
    throw error instanceof FileError && error.cause ? fileError(join(output, file.path), "write", error.cause) : error;
  });
  return (await stat(path)).size;
}
