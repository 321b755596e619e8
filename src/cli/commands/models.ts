/** `deit models`: list the models that can be trained and loaded. */

import type { Command } from "commander";
import { sizeInWords } from "../../geometry/image-size.js";
import { createModel, modelNames, registeredModel } from "../../models/registry.js";
import { sizeOf } from "../../tensor/index.js";
import { print } from "../output/output.js";

/** Accuracies as a column of the table. */
function accuracy(row: {
  readonly name: string;
  readonly imagenetTop1: number | null;
  readonly imagenetTop1After21k: number | null;
}): string {
  if (row.imagenetTop1 === null) return registeredModel(row.name)?.anySize ? "any size you configure" : "–";
  const after = row.imagenetTop1After21k;
  return `${row.imagenetTop1.toFixed(1)}${after === null ? "" : ` (after ImageNet-21k: ${after.toFixed(1)})`}`;
}

export function define(command: Command): void {
  command
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  deit models --json")
    .action((options: { json?: boolean }) => {
      const rows = modelNames().map((name) => {
        const model = createModel(name);
        const parameters = model.parameters.reduce((sum, p) => sum + sizeOf(p.shape), 0);
        return {
          name,
          imageSize: model.imageSize,
          parameters,
          distilled: model.distilled,
          imagenetTop1: registeredModel(name)?.published?.top1 ?? null,
          imagenetTop1After21k: registeredModel(name)?.published?.top1After21k ?? null,
        };
      });
      if (options.json) {
        print(JSON.stringify(rows));
        return;
      }
      print(`${"name".padEnd(36)}${"pixels".padStart(8)}${"parameters".padStart(14)}  ImageNet top-1 (published)`);
      for (const r of rows) {
        const millions = `${(r.parameters / 1e6).toFixed(1)} M`;
        print(`${r.name.padEnd(36)}${sizeInWords(r.imageSize).padStart(8)}${millions.padStart(14)}  ${accuracy(r)}`);
      }
    });
}
