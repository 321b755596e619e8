/** `deit doctor`: report this machine's engines and whether they work. */

import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import type { Command } from "commander";
import { listPlugins } from "../../engines/xla/plugins/store.js";
import { messageOf, textOf } from "../../errors/message-of.js";
import { add, constant, input, program } from "../../tensor/index.js";
import { withEngine } from "../options/options.js";
import { print } from "../output/output.js";
import { worded } from "../output/wording.js";

export function define(command: Command): void {
  command.option("--json", "print one JSON value").addHelpText("after", "\nExample:\n  deit doctor").action(run);
}

async function run(options: { json?: boolean }): Promise<void> {
  const plugins = await listPlugins();
  const engines = [await probe({ engine: "onnx" })];
  for (const { name } of plugins) engines.push(await probe({ engine: "xla", plugin: name }));
  const choice = await withEngine({}, async (_, chosen) => chosen).catch((error: Error) => error);
  const report = {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    threads: availableParallelism(),
    memoryGiB: { total: gib(totalmem()), free: gib(freemem()) },
    engines,
    chosen: choice instanceof Error ? undefined : choice,
  };
  if (options.json) print(JSON.stringify(report));
  else {
    print(`Node ${report.node} on ${report.platform}`);
    print(
      `${report.processor}, ${report.threads} threads, ${report.memoryGiB.free} of ${report.memoryGiB.total} GiB free`,
    );
    for (const e of engines) {
      print(
        e.works
          ? `engine ${nameOf(e)} ${e.version}: works, ${e.devices} device${e.devices === 1 ? "" : "s"}, ${e.precisions.join(", ")}`
          : `engine ${nameOf(e)}: does not work: ${e.reason}`,
      );
    }
    if (plugins.length === 0) print("engine xla: no plugin is installed; deit engine install cpu fetches one");
    if (choice instanceof Error) print(`--engine auto fails: ${worded(textOf(choice))}`);
    else print(`--engine auto takes ${nameOf(choice)}: ${choice.reason}`);
  }
  if (!engines.some((e) => e.works)) process.exitCode = 6;
}

interface Probed {
  readonly engine: "onnx" | "xla";
  readonly plugin?: string;
}

type Probe =
  | (Probed & {
      readonly works: true;
      readonly version: string;
      readonly devices: number;
      readonly precisions: readonly string[];
    })
  | (Probed & { readonly works: false; readonly reason: string });

const nameOf = ({ engine, plugin }: Probed) => (plugin ? `${engine} (${plugin})` : engine);

/** Opens the engine and has it add two numbers. */
async function probe(probed: Probed): Promise<Probe> {
  try {
    return await withEngine(probed, async (engine) => {
      const sum = add(input("x", "float32", [1]), constant("float32", [1], [1]));
      const executable = await engine.compile(program({ name: "probe", outputs: { sum } }));
      const state = await engine.createState(new Map());
      const out = await executable.run(
        state,
        new Map([["x", { dtype: "float32", shape: [1], data: Float32Array.of(1) }]]),
      );
      if (out.get("sum")!.data[0] !== 2) return { ...probed, works: false, reason: "it computes 1 + 1 wrongly" };
      const { version, devices, precisions } = engine.info;
      return { ...probed, works: true, version, devices, precisions };
    });
  } catch (error) {
    return { ...probed, works: false, reason: messageOf(error) };
  }
}

const gib = (bytes: number) => Number((bytes / 2 ** 30).toFixed(1));
