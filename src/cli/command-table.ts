/** What a shell can complete: the commands with their options, and the values known for options and arguments. */
import { type Argument, Command, type Option } from "commander";
import type { Commands } from "./options/subcommands.js";

/** A subcommand, or `deit` itself. */
export interface TableRow {
  /** The words after `deit`; empty for `deit` itself. */
  readonly path: readonly string[];
  readonly about: string;
  readonly options: readonly TableOption[];
  /** Values of its arguments, in addition to files. */
  readonly values: readonly string[];
  /** Whether it takes arguments at all, rather than only subcommands. */
  readonly takesArguments: boolean;
  readonly subcommands: readonly { readonly name: string; readonly about: string }[];
}

export interface TableOption {
  readonly long: string;
  readonly about: string;
  /** What follows it: nothing, any string or file, or one of these values. */
  readonly follows: "nothing" | "anything" | readonly string[];
}

/** Values by the name of an option (`--model`) or of an argument (`plugin`). */
export type KnownValues = Readonly<Record<string, readonly string[]>>;

/** The table of all `commands`, which it loads. */
export async function commandTable(commands: Commands, known: KnownValues): Promise<readonly TableRow[]> {
  const rows: TableRow[] = [];
  for (const [name, { about, load }] of Object.entries(commands)) {
    const { define } = await load();
    const made = async (argv: readonly string[]) => {
      const command = new Command(name).description(about);
      await define(command, argv);
      return command;
    };
    const command = await made([]);
    rows.push(rowOf([name], command, known));
    for (const sub of command.commands) {
      // A group defines only the given subcommand.
      const whole = (await made([sub.name()])).commands.find((c) => c.name() === sub.name());
      rows.push(rowOf([name, sub.name()], whole ?? sub, known));
    }
  }
  const subcommands = Object.entries(commands).map(([name, { about }]) => ({ name, about }));
  const version = { long: "--version", about: "print the version", follows: "nothing" } as const;
  return [{ path: [], about: "", options: [version, help], values: [], takesArguments: false, subcommands }, ...rows];
}

const help: TableOption = { long: "--help", about: "show options and examples", follows: "nothing" };

function rowOf(path: readonly string[], command: Command, known: KnownValues): TableRow {
  const visible = command.options.filter((option) => !option.hidden && option.long);
  return {
    path,
    about: command.description(),
    options: [...visible.map((option) => tableOption(option, known)), help],
    values: command.registeredArguments.flatMap((argument) => valuesOf(argument, argument.name(), known) ?? []),
    takesArguments: command.registeredArguments.length > 0,
    subcommands: command.commands.map((c) => ({ name: c.name(), about: c.description() })),
  };
}

function tableOption(option: Option, known: KnownValues): TableOption {
  const long = option.long ?? option.flags;
  const takesValue = option.required || option.optional;
  const follows = takesValue ? (valuesOf(option, long, known) ?? "anything") : "nothing";
  return { long, about: option.description, follows };
}

const valuesOf = (of: Option | Argument, name: string, known: KnownValues): readonly string[] | undefined =>
  of.argChoices ?? (Object.hasOwn(known, name) ? known[name] : undefined);
