/** The playground as a folder of static files, for any host. */
import { copyFile, cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import type { OpenedModel } from "../../evaluation/open-model.js";
import { writeNewFolder } from "../../system/files/new-folder.js";
import type { Catalogue, Offered } from "./catalogue.js";
import { pageFolder, runtimeFiles, runtimeFolder } from "./files.js";
import { weightsFile } from "./weights-file.js";

/**
 * Creates `folder` with the page, ONNX Runtime's files and the models, which are under their names. Throws UsageError if
 * onnxruntime-web is not installed, FileError for a folder that is not empty or cannot be written.
 */
export async function writePlayground(folder: string, models: ReadonlyMap<string, OpenedModel>): Promise<void> {
  const runtime = runtimeFolder();
  if (runtime === undefined)
    throw new UsageError(
      "The playground computes with ONNX Runtime's files for browsers, which are not installed here; run npm install onnxruntime-web.",
    );
  await writeNewFolder(folder, async (inside) => {
    try {
      await cp(pageFolder(), inside, { recursive: true });
      await mkdir(join(inside, "ort"));
      for (const name of runtimeFiles) await copyFile(join(runtime, name), join(inside, "ort", name));
      await mkdir(join(inside, "models"));
      const offered: Offered[] = [];
      for (const [name, { weights, model, classes, view, training }] of models) {
        const { chunks, bytes } = weightsFile({ model, classes, view, training }, weights);
        const address = `models/${encodeURIComponent(name)}.safetensors`;
        await writeFile(join(inside, "models", `${name}.safetensors`), chunks);
        offered.push({ name, weights: { address, bytes } });
      }
      const catalogue: Catalogue = { models: offered, runtime: true };
      await writeFile(join(inside, "playground.json"), `${JSON.stringify(catalogue, null, 2)}\n`);
    } catch (error) {
      throw fileError(folder, "write the playground in", error);
    }
  });
}
