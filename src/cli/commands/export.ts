/** `deit export`: a model for other programs. */
import { type Command, Option } from "commander";
import { readClassFile } from "../../data/dataset/files.js";
import type { ViewChoice } from "../../evaluation/view.js";
import { exportModel } from "../../export/export.js";
import { type LayoutName, layoutNames, layouts } from "../../export/layouts/index.js";
import type { Head } from "../../models/context.js";
import { byteText } from "../../system/text/byte-text.js";
import { wholeNumber } from "../options/options.js";
import { viewChoice, viewOptions } from "../options/view.js";
import { print, warn } from "../output/output.js";
import { textTable } from "../output/table.js";

export function define(command: Command): void {
  const forms = layoutNames.map((name) => `${name} (${layouts[name].about})`).join(", ");
  viewOptions(command)
    .argument("<source>", "a run folder, safetensors or PyTorch file, hub, or hub:owner/name")
    .addOption(new Option("--to <layout>", forms).choices(layoutNames).makeOptionMandatory())
    .requiredOption("-o, --output <folder>", "folder to create")
    .option("--model <name>", "model of the weights; deit's own checkpoints record it")
    .option("--image-size <pixels>", "resolution (default: the model's own)", wholeNumber(1))
    .option("--classes <file>", "class names, one per line (default for published weights: ImageNet's)")
    .addOption(
      new Option("--head <head>", "head of a distilled model whose logits are exported")
        .choices(["both", "class", "distillation"])
        .default("both"),
    )
    .option(
      "--license <name>",
      "licence of the weights for the model card, such as apache-2.0 (default: none is stated)",
    )
    .option("--json", "print one JSON value")
    .addHelpText(
      "after",
      `
Examples:
  deit export runs/photos --to onnx --output photos-onnx`,
    )
    .action(run);
}

interface Options extends ViewChoice {
  readonly to: LayoutName;
  readonly output: string;
  readonly model?: string;
  readonly classes?: string;
  readonly head: Head;
  readonly license?: string;
  readonly json?: boolean;
}

async function run(weights: string, options: Options): Promise<void> {
  const { to, output, model, head, license } = options;
  const classes = options.classes === undefined ? undefined : await readClassFile(options.classes);
  const result = await exportModel({ ...viewChoice(options), weights, to, output, model, classes, head, license });
  for (const note of result.notes) warn(note);
  if (options.json) print(JSON.stringify(result));
  else
    print(
      `${output}\n\n${textTable(
        ["file", "size"],
        result.files.map(({ path, bytes }) => [path, byteText(bytes)]),
      )}`,
    );
}
