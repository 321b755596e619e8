/** `deit data fetch`: download datasets of the paper from their public sources. */
import type { Command } from "commander";
import { type CatalogueEntry, catalogue } from "../../../data/fetch/catalogue.js";
import { defaultFolder, fetchDataset } from "../../../data/fetch/fetch.js";
import { openDataset } from "../../../data/sources/open.js";
import { UsageError } from "../../../errors/errors.js";
import { didYouMean } from "../../../errors/nearest.js";
import { shellWord } from "../../../system/text/shell-word.js";
import { interruptible } from "../../output/interruption.js";
import { openingBars } from "../../output/opening-progress.js";
import { print } from "../../output/output.js";
import { createProgress, type Progress } from "../../output/progress.js";

interface Options {
  readonly output?: string;
  readonly mirror?: string;
  readonly keepArchives?: boolean;
  readonly list?: boolean;
  readonly json?: boolean;
}

export function define(command: Command): void {
  command
    .argument("[name]", Object.keys(catalogue).join(", "))
    .option("--output <folder>", "where to put it (default: data/NAME)")
    .option("--mirror <address>", "a URL or folder with the same files", process.env.DEIT_DATA_MIRROR)
    .option("--keep-archives", "keep the archives after they are unpacked")
    .option("--list", "list the datasets, with links to their terms of use")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  deit data fetch cifar10 --output data/cifar10")
    .action((name: string | undefined, options: Options) => interruptible((signal) => run(name, options, signal)));
}

async function run(name: string | undefined, options: Options, signal: AbortSignal): Promise<void> {
  if (options.list || name === undefined) return list(options);
  if (!Object.hasOwn(catalogue, name)) {
    throw new UsageError(
      `There is no dataset "${name}"${didYouMean(name, Object.keys(catalogue))} "deit data fetch --list" tells which there are.`,
    );
  }
  const entry = catalogue[name];
  const data = entry.kind === "hub" ? `hf:${entry.repository}` : (options.output ?? defaultFolder(name));
  if (entry.kind === "files") await fetchFiles(entry, data, options, signal);
  const asked = { signal, onProgress: openingBars() };
  const train = await openDataset(data, { split: "train", ...asked });
  const test = await openDataset(data, { split: "test", classes: train.classes, ...asked });
  const next = `deit train ${shellWord(data)}`;
  if (options.json) {
    const classes = train.classes.length;
    print(JSON.stringify({ data, classes, train: train.length, test: test.length, terms: entry.home, next }));
  } else {
    print(
      `${data}: ${train.length} training and ${test.length} test images of ${train.classes.length} classes; its terms: ${entry.home}\nNext:\n  ${next}`,
    );
  }
}

async function fetchFiles(
  entry: Extract<CatalogueEntry, { kind: "files" }>,
  folder: string,
  { mirror, keepArchives, json }: Options,
  signal: AbortSignal,
): Promise<void> {
  let title = "";
  let progress: Progress | undefined;
  const mebibytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);
  try {
    await fetchDataset(entry, folder, {
      mirror,
      keepArchives,
      signal,
      onProgress: (doing, done, total) => {
        if (doing !== title) {
          progress?.stop();
          title = doing;
          progress = createProgress({ title, total: mebibytes(total), unit: "MiB", quiet: json });
        }
        progress?.update(mebibytes(done));
      },
    });
  } finally {
    progress?.stop();
  }
}

function list({ json }: Options): void {
  const entries = Object.entries(catalogue).map(([name, { about, home }]) => ({ name, about, home }));
  if (json) print(JSON.stringify(entries));
  else for (const { name, about, home } of entries) print(`${name.padEnd(12)}${about}\n${" ".repeat(12)}${home}`);
}
