/** Models for the tools that people download them for: a safetensors file, or a folder of another program as a zip. */
import { UsageError } from "../../errors/errors.js";
import { shown } from "../../errors/options.js";
import type { WebExportSettings } from "./export-settings.js";
import { safetensorsPieces } from "./safetensors.js";
import { requireSavable, type Savable } from "./savable.js";

/**
 * A model as a file to download. What it needs beyond a safetensors file is loaded when it is called for. Throws
 * UsageError for a form that cannot hold the model.
 *
 * ```js
 * const file = await exportModel(classify, { to: "huggingface", name: "pets" });
 * link.href = URL.createObjectURL(file);
 * link.download = file.name;
 * ```
 */
export async function exportModel(model: Savable, settings: WebExportSettings): Promise<File> {
  requireSavable(model, "exportModel");
  if (typeof settings !== "object" || settings === null)
    throw new UsageError(
      `The settings of exportModel are ${shown(settings)}; say what to make, as in { to: "safetensors" }.`,
    );
  const { to, name = model.model.name } = settings;
  if (!fileName.test(name))
    throw new UsageError(`"${name}" cannot be the name of a file on every system; use letters, digits, - and _.`);
  if (to === "safetensors") {
    const unused = (["quantize", "preprocessing", "head", "license"] as const).find(
      (key) => settings[key] !== undefined,
    );
    if (unused !== undefined)
      throw new UsageError(
        `A safetensors file holds the weights as they are, so ${unused} has no effect; leave it out.`,
      );
    return new File([...safetensorsPieces(model)], `${name}.safetensors`, { type: "application/octet-stream" });
  }
  const { zippedFolder } = await import("./folder.js");
  return zippedFolder(model, { ...settings, to, name });
}

/** What Windows, macOS and Linux all accept, without spaces at its ends. */
const fileName = /^(?!\.)[^\\/:*?"<>|\p{Cc}]{0,119}[^\\/:*?"<>|\p{Cc}. ]$/u;
