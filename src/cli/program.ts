/** A command of the program, whose errors suggest what was probably meant, by the rule for all names. */
import { Command, type ErrorOptions } from "commander";
import { nearest } from "../errors/nearest.js";

export class Program extends Command {
  override createCommand(name?: string): Program {
    return new Program(name);
  }

  override error(message: string, options?: ErrorOptions): never {
    // A mistyped option is reported before a missing one: they may be the same.
    if (options?.code === "commander.missingMandatoryOptionValue") {
      const unknown = this.args.find((word) => /^--[^-]/.test(word));
      if (unknown !== undefined) return this.#refuseOption(unknown);
    }
    if (options?.code === "commander.unknownOption") return this.#refuseOption(/'(.*)'/s.exec(message)?.[1] ?? "");
    if (options?.code === "commander.unknownCommand") {
      const names = this.commands.map((command) => command.name());
      return super.error(`${message}${suggestion(/'(.*)'/s.exec(message)?.[1] ?? "", names)}`, options);
    }
    return super.error(message, options);
  }

  #refuseOption(word: string): never {
    const [flag] = word.split("=");
    const known = this.options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : []));
    return super.error(`error: unknown option '${flag}'${suggestion(flag, [...known, "--help"])}`, {
      code: "commander.unknownOption",
    });
  }
}

function suggestion(word: string, candidates: readonly string[]): string {
  const meant = nearest(word, candidates);
  return meant === undefined ? "" : `\n(Did you mean ${meant}?)`;
}
