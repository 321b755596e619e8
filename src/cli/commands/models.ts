/** `deit models`: what can be trained and loaded. */
import type { Command } from "commander";
import { createModel, modelNames } from "../../models/registry.js";
import { sizeOf } from "../../tensor/index.js";

/** ImageNet top-1 of the released weights (facebookresearch/deit), percent. */
const published: Readonly<Record<string, number>> = {
  deit_tiny_patch16_224: 72.2,
  deit_small_patch16_224: 79.9,
  deit_base_patch16_224: 81.8,
  deit_base_patch16_384: 82.9,
  deit_tiny_distilled_patch16_224: 74.5,
  deit_small_distilled_patch16_224: 81.2,
  deit_base_distilled_patch16_224: 83.4,
  deit_base_distilled_patch16_384: 85.2,
};

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
          imagenetTop1: published[name] ?? null,
        };
      });
      if (options.json) {
        console.log(JSON.stringify(rows));
        return;
      }
      console.log(
        `${"name".padEnd(36)}${"pixels".padStart(8)}${"parameters".padStart(14)}  ImageNet top-1 (published)`,
      );
      for (const r of rows) {
        const millions = `${(r.parameters / 1e6).toFixed(1)} M`;
        console.log(
          `${r.name.padEnd(36)}${String(r.imageSize).padStart(8)}${millions.padStart(14)}  ${r.imagenetTop1 ?? "any size you configure"}`,
        );
      }
    });
}
