/** `deit data`: everything about data sets that is neither training nor evaluation. */
import type { Command } from "commander";
import { addCommands, type Commands } from "../options/subcommands.js";

const commands: Commands = {
  check: { about: "what is wrong with a data set", load: () => import("./data/check.js") },
  fetch: { about: "download a data set of the paper from its home", load: () => import("./data/fetch.js") },
  info: { about: "what a data set holds", load: () => import("./data/info.js") },
  pack: {
    about: "make images small and put them in one file that is read at once",
    load: () => import("./data/pack.js"),
  },
  preview: { about: "what training will see, as a contact sheet", load: () => import("./data/preview.js") },
};

export async function define(command: Command, argv: readonly string[]): Promise<void> {
  command.addHelpText("after", "\nExample:\n  deit data info photos/");
  await addCommands(command, commands, argv);
}
