/** `deit data`: everything about datasets that is neither training nor evaluation. */
import type { Command } from "commander";
import { addCommands, type Commands } from "../options/subcommands.js";

const commands: Commands = {
  check: { about: "find what is wrong with a dataset", load: () => import("./data/check.js") },
  fetch: { about: "download one of the paper's datasets", load: () => import("./data/fetch.js") },
  info: { about: "show what a dataset contains", load: () => import("./data/info.js") },
  pack: {
    about: "resize images and pack them into a single fast-to-read file",
    load: () => import("./data/pack.js"),
  },
  preview: { about: "show what training will see, as a contact sheet", load: () => import("./data/preview.js") },
};

export async function define(command: Command, argv: readonly string[]): Promise<void> {
  command.addHelpText("after", "\nExample:\n  deit data info photos/");
  await addCommands(command, commands, argv);
}
