/** `deit predict`: names what is in images. */
import { stat } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { decodeImage } from "../../data/decode.js";
import type { RgbImage } from "../../data/image.js";
import { addImagesBelow, FileList, readClassFile } from "../../data/sources/files.js";
import { applyTransform } from "../../data/transform.js";
import { readSample } from "../../data/view.js";
import type { EngineChoice } from "../../engines/open.js";
import { type DeitError, FileError, UsageError } from "../../errors.js";
import { Classifier } from "../../evaluation/classifier.js";
import { softmaxOf, topK } from "../../evaluation/metrics.js";
import { openModel } from "../../evaluation/open-model.js";
import { RandomStream } from "../../random/stream.js";
import { fileError } from "../../system/atomic-file.js";
import { engineOptions, interruptible, wholeNumber, withEngine } from "../options.js";

export function define(command: Command): void {
  engineOptions(command)
    .argument("<images...>", "files, folders, globs; - for an image on standard input, @- for a list of paths there")
    .requiredOption("--weights <file>", "safetensors or PyTorch file, a run folder, hub, or hub:owner/name")
    .option("--model <name>", "model of the weights; deit's own checkpoints say it themselves")
    .option("--classes <file>", "class names, one per line")
    .option("--top <k>", "answers per image", wholeNumber(1), 5)
    .option("--json", "print one JSON value per image, a line each")
    .addHelpText("after", "\nExample:\n  deit predict cat.jpg holiday/ 'more/*.png' --weights runs/photos --top 3")
    .action((images: string[], options: Options) => interruptible((signal) => run(images, options, signal)));
}

interface Options extends EngineChoice {
  readonly weights: string;
  readonly model?: string;
  readonly classes?: string;
  readonly top: number;
  readonly json?: boolean;
}

interface Input {
  readonly name: string;
  load(): Promise<RgbImage>;
}

async function run(images: readonly string[], options: Options, signal: AbortSignal): Promise<void> {
  const classFile = options.classes ? await readClassFile(options.classes) : undefined;
  const inputs = await findInputs(images);
  await withEngine(options, async (engine) => {
    const { model, weights, classes } = await openModel({ ...options, classes: classFile });
    const classifier = await Classifier.create({ engine, model }, weights);
    const transform = {
      kind: "evaluation",
      size: model.imageSize,
      cropRatio: model.cropRatio,
      interpolation: "bicubic",
    } as const;
    const unused = new RandomStream({ seed: 0, purpose: "none" });
    let failure: DeitError | undefined;
    for (const { name, load } of inputs) {
      if (signal.aborted) return;
      try {
        const logits = await classifier.logits(applyTransform(await load(), transform, unused), 1);
        print(name, logits, classes, options);
      } catch (error) {
        // One bad image does not keep the others from their answers.
        if (!(error instanceof FileError)) throw error;
        failure ??= error;
        if (inputs.length > 1) console.error(`deit: ${error.message}`);
      }
    }
    if (failure && inputs.length > 1) process.exitCode = failure.exitCode;
    else if (failure) throw failure;
  });
}

function print(
  name: string,
  logits: Float32Array,
  classes: readonly string[] | undefined,
  { top, json }: Options,
): void {
  const probabilities = softmaxOf(logits);
  const answers = topK(logits, Math.min(top, logits.length)).map((index) => ({
    index,
    class: classes?.[index] ?? String(index),
    probability: probabilities[index],
  }));
  if (json) {
    console.log(JSON.stringify({ image: name, predictions: answers }));
    return;
  }
  console.log(name);
  for (const a of answers) console.log(`  ${(100 * a.probability).toFixed(1).padStart(5)} %  ${a.class}`);
}

async function findInputs(patterns: readonly string[]): Promise<Input[]> {
  const inputs: Input[] = [];
  for (const pattern of patterns) {
    if (pattern === "-") inputs.push({ name: "standard input", load: readStandardInput });
    else if (pattern === "@-") {
      for (const path of (await text(process.stdin)).split(/\r?\n/).filter(Boolean)) inputs.push(fileInput(path));
    } else inputs.push(...(await pathsOf(pattern)).map(fileInput));
  }
  return inputs;
}

async function pathsOf(pattern: string): Promise<string[]> {
  const info = await stat(pattern).catch(() => undefined);
  if (info?.isDirectory()) {
    const list = new FileList(pattern);
    await addImagesBelow(list, "");
    const files = Array.from({ length: list.length }, (_, i) => list.path(i));
    if (files.length === 0) throw new FileError(pattern, `The folder "${pattern}" holds no images.`);
    return files;
  }
  if (info || !/[*?[{]/.test(pattern)) return [pattern];
  const { glob } = await import("tinyglobby");
  const files = (await glob(pattern, { absolute: false, expandDirectories: false })).sort();
  if (files.length === 0) throw new UsageError(`No file fits "${pattern}".`);
  return files;
}

const fileInput = (path: string): Input => ({
  name: path,
  load: () => readSample({ kind: "file", path }, { jpeg: "exact" }),
});

async function readStandardInput(): Promise<RgbImage> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  if (bytes.length === 0) throw fileError("standard input", "read an image from", new Error("it is empty"));
  return decodeImage(bytes, { name: "standard input" });
}
