/** The command-line program: finds the command, turns errors into sentences and exit codes. */

import { type Command, CommanderError } from "commander";
import { DeitError } from "../errors/errors.js";
import { messageOf } from "../errors/message-of.js";
import { lowFileLimit } from "../system/files/file-limit.js";
import { version } from "../system/version.js";
import { spreadLists } from "./options/lists.js";
import { addCommands, type Commands } from "./options/subcommands.js";
import { OutputLost } from "./output/interruption.js";
import { warn } from "./output/output.js";
import { speakFor, speaking } from "./output/wording.js";
import { Program } from "./program.js";

const commands: Commands = {
  train: { about: "train a model on a folder of images", load: () => import("./commands/train.js") },
  teach: {
    about: "cache a teacher's predictions, so that distillation costs no more than training",
    load: () => import("./commands/teach.js"),
  },
  "lr-find": { about: "find a learning rate (range test)", load: () => import("./commands/lr-find.js") },
  diff: { about: "show where two runs or recipes differ", load: () => import("./commands/diff.js") },
  evaluate: { about: "measure the top-1 and top-5 accuracy of a model", load: () => import("./commands/evaluate.js") },
  predict: { about: "classify images", load: () => import("./commands/predict.js") },
  serve: { about: "classify images over HTTP", load: () => import("./commands/serve.js") },
  playground: {
    about: "write a web page that classifies and can be taught, for any host",
    load: () => import("./commands/playground.js"),
  },
  export: { about: "write a model for other programs: ONNX and more", load: () => import("./commands/export.js") },
  sweep: {
    about: "train a grid of recipes and seeds, with mean and deviation",
    load: () => import("./commands/sweep.js"),
  },
  agreement: {
    about: "compare the predictions of several models",
    load: () => import("./commands/agreement.js"),
  },
  throughput: {
    about: "measure throughput (images/s) and plot it against accuracy",
    load: () => import("./commands/throughput.js"),
  },
  tokens: {
    about: "cosine similarity of class and distillation tokens, per layer",
    load: () => import("./commands/tokens.js"),
  },
  runs: { about: "list the runs in a folder and their progress", load: () => import("./commands/runs.js") },
  report: {
    about: "write an HTML report of runs: curves, mistakes, calibration, comparison",
    load: () => import("./commands/report.js"),
  },
  models: { about: "list the models", load: () => import("./commands/models.js") },
  doctor: { about: "show the engines, threads and memory of this machine", load: () => import("./commands/doctor.js") },
  demo: {
    about: "the paper in miniature: a convnet teaches transformers on built-in data, offline",
    load: () => import("./commands/demo.js"),
  },
  data: { about: "inspect, check, fetch and pack datasets", load: () => import("./commands/data.js") },
  launch: {
    about: "train with several processes, on one machine or many",
    load: () => import("./commands/launch.js"),
  },
  engine: { about: "install, list and remove accelerator plugins", load: () => import("./commands/engine.js") },
  completion: {
    about: "print the completion script for bash, zsh or fish",
    load: async () => (await import("./commands/completion.js")).completionOf(commands),
  },
};

/** The program with its commands; only the one given in `argv` is fully defined. */
export async function commandLine(argv: readonly string[]): Promise<Command> {
  const program = new Program("deit")
    .description("Data-efficient image transformers: train, evaluate, predict.")
    .version(version, "-v, --version")
    .configureOutput({ outputError: (text) => warn(text.replace(/^error: /, "").trimEnd()) })
    .enablePositionalOptions()
    .showSuggestionAfterError(false)
    .exitOverride()
    .addHelpText(
      "after",
      "\nExamples:\n  deit demo\n  deit train photos/ --finetune hub\n  deit predict cat.jpg --weights runs/photos",
    );
  await addCommands(program, commands, argv);
  return program;
}

/** Runs the program and returns its exit code: 0 done, 1 a bug, 2 wrong usage, 3 and above see `errors.ts`. */
export function main(argv: readonly string[]): Promise<number> {
  return speaking(async () => {
    try {
      const given = argv[0] === "-V" ? ["--version"] : spreadLists(argv);
      const program = await commandLine(given);
      program.hook("preAction", (_, command) => speakFor(command));
      await program.parseAsync([...given], { from: "user" });
      return Number(process.exitCode ?? 0);
    } catch (error) {
      return report(error);
    }
  });
}

/** Error codes when no more files can be opened; an unreadable package looks like a missing one. */
const outOfFiles = ["EMFILE", "ERR_MODULE_NOT_FOUND", "ERR_WORKER_INIT_FAILED"];

/** Reports what went wrong, and returns the exit code. */
export function report(error: unknown): number {
  if (error instanceof OutputLost) return 0;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (process.env.DEIT_DEBUG) console.error(error);
  if (error instanceof DeitError) {
    warn(error.text);
    return error.exitCode;
  }
  const limit = lowFileLimit();
  if (limit !== undefined && outOfFiles.includes((error as NodeJS.ErrnoException).code ?? "")) {
    warn(
      `Only ${limit} files may be open at once, which is too few; raise the limit, for example with: ulimit -n 4096`,
    );
    return 4;
  }
  const message = messageOf(error);
  warn(`this is a bug, please report it: ${message} (DEIT_DEBUG=1 shows where).`);
  return 1;
}
