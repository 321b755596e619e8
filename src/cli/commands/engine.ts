/** `deit engine`: plugins of the XLA engine. */
import type { Command } from "commander";
import { type PluginName, pluginDefinitions } from "../../engines/xla/plugins/catalogue.js";
import { installPlugin, listPlugins, removePlugin } from "../../engines/xla/plugins/store.js";
import { UsageError } from "../../errors/errors.js";
import { didYouMean } from "../../errors/nearest.js";
import { interruptible } from "../output/interruption.js";
import { print, warn } from "../output/output.js";
import { createProgress } from "../output/progress.js";

const names = Object.keys(pluginDefinitions);

export function define(command: Command): void {
  command.addHelpText("after", "\nExample:\n  deit engine install cpu");
  command
    .command("install")
    .argument("<plugin>", names.join(", "))
    .description("download a plugin from the package index that pip would use, verified by hash")
    .option("--wheel <path>", "a wheel file, or a folder of wheels, instead of the index")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  deit engine install cuda13 --wheel downloads/")
    .action((name: string, options: { wheel?: string; json?: boolean }) =>
      interruptible((signal) => install(name, options, signal)),
    );
  command
    .command("list")
    .description("list installed and available plugins")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  deit engine list")
    .action(list);
  command
    .command("remove")
    .argument("<plugin>")
    .description("remove a plugin")
    .addHelpText("after", "\nExample:\n  deit engine remove cpu")
    .action(async (name: string) => {
      if (!(await removePlugin(name)))
        throw new UsageError(`The plugin "${name}" is not installed; "deit engine list" shows which are.`);
      print(`removed ${name}`);
    });
}

async function install(name: string, options: { wheel?: string; json?: boolean }, signal: AbortSignal): Promise<void> {
  if (!names.includes(name))
    throw new UsageError(`There is no plugin "${name}"${didYouMean(name, names)} It can be ${names.join(", ")}.`);
  let progress: ReturnType<typeof createProgress> | undefined;
  const plugin = await installPlugin(name as PluginName, {
    wheel: options.wheel,
    signal,
    onWaiting: (owner, lock) =>
      warn(
        `${owner ? `Process ${owner.pid}` : "Another process"} is installing ${name} (its lock is "${lock}"); waiting for it.`,
      ),
    onProgress: (done, total, file) => {
      progress ??= createProgress({
        title: `fetching ${name}`,
        total: Math.ceil(total / 2 ** 20),
        unit: "MiB",
        quiet: options.json,
      });
      progress.update(Math.floor(done / 2 ** 20), [file]);
    },
  });
  progress?.stop();
  if (options.json) print(JSON.stringify(plugin));
  else print(`${plugin.name} ${plugin.version} is installed; use it with --engine xla`);
}

async function list(options: { json?: boolean }): Promise<void> {
  const installed = await listPlugins();
  if (options.json) {
    print(JSON.stringify({ installed, available: names }));
    return;
  }
  for (const p of installed) print(`${p.name.padEnd(10)}${p.version}`);
  const others = names.filter((n) => !installed.some((p) => p.name === n));
  print(`${installed.length === 0 ? "No plugin is installed. " : ""}Can be installed: ${others.join(", ")}`);
}
