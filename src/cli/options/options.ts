/** Parsers of option values, and options shared by commands. */

import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Engine } from "../../engines/engine.js";
import { type Choice, type EngineChoice, openEngine, type PassedOver } from "../../engines/open.js";
import { UsageError } from "../../errors/errors.js";
import { sentence } from "../../errors/sentence.js";
import { type Channels, channelsExpected, isChannels } from "../../geometry/channels.js";
import { type ImageSize, imageSizeOf, isImageSize } from "../../geometry/image-size.js";
import { warn } from "../output/output.js";

/** A parser with its check and description together, so that each option has one error message. */
function numeric(fits: (n: number) => boolean, range: string): (text: string) => number {
  return (text) => {
    const n = Number(text);
    if (text.trim() === "" || !Number.isFinite(n) || !fits(n)) throw new InvalidArgumentError(`It must be ${range}.`);
    return n;
  };
}

/** An integer within a range; one too large for a float would silently become a different number. */
export const wholeNumber = (least: number, most = Infinity): ((text: string) => number) =>
  numeric(
    (n) => Number.isSafeInteger(n) && n >= least && n <= most,
    most === Infinity ? `a whole number, ${least} or more` : `a whole number from ${least} to ${most}`,
  );

export const number = (least: number, most = Infinity): ((text: string) => number) =>
  numeric(
    (n) => n >= least && n <= most,
    most === Infinity ? `a number of ${least} or more` : `a number from ${least} to ${most}`,
  );

/** A number above 0, with the same wording as in recipes. */
export const positive: (text: string) => number = numeric((n) => n > 0, "a number greater than 0");

/** The size of images: "224" for a square, "160x224" with the height first. */
export function imageSize(text: string): ImageSize {
  const [, height, width = height] = /^(\d{1,6})(?:[x×](\d{1,6}))?$/.exec(text) ?? [];
  const size = imageSizeOf(Number(height), Number(width));
  if (isImageSize(size)) return size;
  throw new InvalidArgumentError("It must be a number of pixels, such as 224, or height and width, such as 160x224.");
}

/** Channels of images. */
export function channels(text: string): Channels {
  const count = Number(text);
  if (isChannels(count)) return count;
  throw new InvalidArgumentError(`It must be ${channelsExpected}.`);
}

/** Comma-separated seeds. */
export function parseSeeds(text: string): number[] {
  return text.split(",").map((part) => {
    const seed = Number(part);
    if (part.trim() === "" || !Number.isSafeInteger(seed) || seed < 0)
      throw new UsageError(`--seeds got "${part}"; write whole numbers with commas between them, such as 0,1,2.`);
    return seed;
  });
}

/** The option for dividing data into training and testing, parsed by `parseSplitRule`. */
export function splitOption(command: Command): Command {
  return command.option(splitFlag, splitMeaning, "given");
}

/** The same for evaluating weights that may be those of a run, whose own division is then used. */
export function runSplitOption(command: Command): Command {
  return command.addOption(
    new Option(splitFlag, splitMeaning).default(
      "given",
      "the images that the weights' run held out, or the data's own parts",
    ),
  );
}

/** The same for commands that hold out a share if the data has no part for testing. */
export function chosenSplitOption(command: Command): Command {
  return command.option(splitFlag, `${splitMeaning}; default: its own parts or, without any, a share of it`);
}

const splitFlag = "--split <how>";
const splitMeaning = "given (the data's own parts), a share for testing such as 0.1, or the split.json of a run";

/** How many threads decode images beside the one that trains or evaluates. */
export const workersOption = (): Option =>
  new Option("--workers <threads>", "threads that decode images")
    .argParser(wholeNumber(0))
    .default(Math.max(1, availableParallelism() - 1));

/** The options that choose an engine. */
export function engineOptions(command: Command): Command {
  return command
    .option("--engine <name>", "auto, onnx or xla", "auto")
    .option("--plugin <name>", "plugin of the XLA engine: a name, or the path of a library")
    .option("--devices <n>", "devices of the XLA engine", wholeNumber(1))
    .option("--threads <threads>", "threads of the ONNX engine", wholeNumber(1));
}

/** Reports on standard error which installed plugins did not work. */
export function warnOfPassedOver(_: Choice, passedOver: readonly PassedOver[]): void {
  for (const { choice, error } of passedOver)
    warn(sentence`The plugin "${choice.plugin ?? ""}" does not work here and is skipped: ${error}`);
}

/** Runs `work` with an engine, which is always closed afterwards. `work` gets the reason for its choice. */
export async function withEngine<T>(
  options: EngineChoice,
  work: (engine: Engine, chosen: Choice) => Promise<T>,
): Promise<T> {
  let chosen: Choice | undefined;
  const engine = await openEngine({ ...options, onNote: warn }, (choice, passedOver) => {
    chosen = choice;
    warnOfPassedOver(choice, passedOver);
  });
  try {
    return await work(engine, chosen!);
  } finally {
    await engine.close();
  }
}
