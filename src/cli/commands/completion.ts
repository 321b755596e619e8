/** `deit completion`: the script with which a shell completes commands, options and their values. */
import { Argument, type Command } from "commander";
import { catalogue } from "../../data/fetch/catalogue.js";
import { pluginDefinitions } from "../../engines/xla/plugins/catalogue.js";
import { modelNames } from "../../models/registry.js";
import { recipeNames } from "../../training/recipe/file.js";
import { gridNames } from "../../training/recipe/grid.js";
import { recipeSchema } from "../../training/recipe/recipe.js";
import { commandTable, type KnownValues } from "../command-table.js";
import { completionScript, type Shell, shells } from "../completion-scripts.js";
import type { CommandModule, Commands } from "../options/subcommands.js";
import { print } from "../output/output.js";

/** The completion command for `commands`, including itself. */
export const completionOf = (commands: Commands): CommandModule => ({
  define(command: Command): void {
    command
      .addArgument(new Argument("<shell>", "the shell that reads the script").choices(shells))
      .addHelpText(
        "after",
        '\nExample:\n  deit completion bash\n\nIn ~/.bashrc:              eval "$(deit completion bash)"\nIn ~/.zshrc:               eval "$(deit completion zsh)"\nIn ~/.config/fish/config.fish:  deit completion fish | source',
      )
      .action(async (shell: Shell) =>
        print(completionScript(shell, await commandTable(commands, await knownValues()))),
      );
  },
});

async function knownValues(): Promise<KnownValues> {
  const recipes = await recipeNames();
  const plugins = Object.keys(pluginDefinitions);
  return {
    "--recipe": recipes,
    "--model": modelNames(),
    "--engine": ["auto", "onnx", "xla"],
    "--plugin": plugins,
    "--precision": ["float32", "bfloat16"],
    "--set": Object.keys(recipeSchema.shape).map((key) => `${key}=`),
    "--vary": Object.keys(recipeSchema.shape).map((key) => `${key}=`),
    "--allow-change": Object.keys(recipeSchema.shape),
    "--grid": await gridNames(),
    "--weights": ["hub"],
    "--finetune": ["hub"],
    "recipe-or-data": [...recipes, "procedural"],
    plugin: plugins,
    name: Object.keys(catalogue),
  };
}
