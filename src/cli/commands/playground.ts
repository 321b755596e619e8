/** `deit playground`: the page of `deit serve` as static files. */
import type { Command } from "commander";
import { UsageError } from "../../errors/errors.js";
import { type OpenedModel, openModel } from "../../evaluation/open-model.js";
import { modelOrWeights } from "../../library/model-or-weights.js";
import { writePlayground } from "../../server/playground/write.js";
import { requireNewFolder } from "../../system/files/new-folder.js";
import { modelArguments } from "../options/model-argument.js";
import { print, warn } from "../output/output.js";
import { modelsForm } from "../output/wording.js";

export function define(command: Command): void {
  command
    .argument("[models...]", `models of the page: a name, a run folder or weights; several as ${modelsForm}`)
    .requiredOption("-o, --output <folder>", "folder to create")
    .addHelpText(
      "after",
      `
The folder works on any web server, below any address. Whoever reaches it can download the models.

Examples:
  deit playground runs/photos --output site/
  deit playground deit_tiny_patch16_224 --output site/`,
    )
    .action((models: string[], options: { readonly output: string }) => run(models, options.output));
}

/** Names that need no escaping in an address or a file's name. */
const plainName = /^[\w-][\w.-]*$/;

async function run(texts: readonly string[], output: string): Promise<void> {
  await requireNewFolder(output);
  const models = new Map<string, OpenedModel>();
  for (const { name, model, weights } of modelArguments(texts)) {
    if (!plainName.test(name))
      throw new UsageError(
        `"${name}" cannot be the name of a model in a page; give it another, of letters, digits, "-", "_" and ".", as in photos=${weights}.`,
      );
    const opened = await openModel(model === undefined ? modelOrWeights(weights) : { model, weights });
    for (const note of opened.notes) warn(`${name}: ${note}`);
    models.set(name, opened);
  }
  await writePlayground(output, models);
  print(`${output}: the playground with ${models.size === 0 ? "no models" : [...models.keys()].join(", ")}`);
}
