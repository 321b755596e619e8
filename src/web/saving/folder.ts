/** A folder of another program in a zip: what `deit export` writes, from the same code. */
import { makeZip } from "client-zip";
import { UsageError } from "../../errors/errors.js";
import { requireOneSize } from "../../evaluation/view.js";
import { headsOf } from "../../models/context.js";
import { chosen } from "../../portable/choice.js";
import { portableGraph } from "../../portable/graph/portable.js";
import type { LayoutName } from "../../portable/layouts/index.js";
import { modelCard } from "../../portable/model-card.js";
import { piecesOf } from "../../portable/pieces.js";
import { quantizations } from "../../portable/quantize/index.js";
import type { PortableSource } from "../../portable/source.js";
import { variantsOf } from "../../portable/variants.js";
import type { WebExportSettings } from "./export-settings.js";
import type { Savable } from "./savable.js";

/** The zip, whose files are in a folder of the name. Throws UsageError for a layout that cannot hold the model. */
export async function zippedFolder(
  model: Savable,
  settings: WebExportSettings & { readonly to: LayoutName; readonly name: string },
): Promise<File> {
  const { name, head = "both", preprocessing = false, license } = settings;
  const { layout, formats } = chosen(settings);
  const calibrated = formats.find((format) => quantizations[format].calibrated);
  if (calibrated !== undefined)
    throw new UsageError(
      `The format ${calibrated} needs calibration images, which pages do not run; choose int8, or export in Node.`,
    );
  if (!headsOf(model.model).includes(head) && head !== "class")
    throw new UsageError(`head is "${head}", but the model has one head, that of the class token; leave it out.`);
  requireOneSize(model.view, "An exported file takes");
  const source: PortableSource = { ...model, name, head, license };
  const variants = layout.quantized ? variantsOf(source, portableGraph(model.model, model.weights, head), formats) : [];
  const files = [
    ...layout.files(source, variants, preprocessing),
    modelCard({ source, layout, preprocessing, folder: name }),
  ];
  const zip = makeZip(
    files.map((file) => ({
      name: `${name}/${file.path}`,
      input: new Blob([...piecesOf(file)] as Uint8Array<ArrayBuffer>[]),
    })),
  );
  return new File([await new Response(zip).blob()], `${name}.zip`, { type: "application/zip" });
}
