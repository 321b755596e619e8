/** Commands by name, each in a module that is loaded only when it runs or its help is requested. */
import type { Command } from "commander";

export interface CommandModule {
  /** Adds options, examples and the action to the command; `argv` are the arguments after its name. */
  define(command: Command, argv: readonly string[]): void | Promise<void>;
}

/** One entry per command. */
export type Commands = Readonly<Record<string, { readonly about: string; load(): Promise<CommandModule> }>>;

/** Adds the commands to `parent`, and loads the one given in `argv` (also as `help NAME`). */
export async function addCommands(parent: Command, commands: Commands, argv: readonly string[]): Promise<void> {
  const at = argv.findIndex((a) => !a.startsWith("-"));
  const wanted = argv[at];
  for (const [name, { about, load }] of Object.entries(commands)) {
    const command = parent.command(name).description(about).exitOverride();
    if (wanted === name || (wanted === "help" && argv.includes(name)))
      await (await load()).define(command, argv.slice(argv.indexOf(name) + 1));
  }
}
