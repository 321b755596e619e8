/** `deit evaluate`: accuracy of a model on a folder of images. */
import { availableParallelism } from "node:os";
import type { Command } from "commander";
import { createLoader } from "../../data/loader.js";
import { openDataset } from "../../data/open.js";
import { readClassFile } from "../../data/sources/files.js";
import { parseSplitRule } from "../../data/split.js";
import type { EngineChoice } from "../../engines/open.js";
import { Classifier } from "../../evaluation/classifier.js";
import { evaluate } from "../../evaluation/evaluate.js";
import { topK } from "../../evaluation/metrics.js";
import { openModel } from "../../evaluation/open-model.js";
import type { Head } from "../../models/context.js";
import { createProgress } from "../../system/progress.js";
import { engineOptions, interruptible, number, splitOption, wholeNumber, withEngine } from "../options.js";

export function define(command: Command): void {
  splitOption(engineOptions(command))
    .requiredOption("--data <folder>", "images with labels: class folders, shards and others")
    .requiredOption("--weights <file>", "safetensors or PyTorch file, a run folder, hub, or hub:owner/name")
    .option("--model <name>", "model of the weights; deit's own checkpoints say it themselves")
    .option("--classes <file>", "class names, one per line, in the order of the model's outputs")
    .option("--image-size <pixels>", "resolution, the model's own unless told", wholeNumber(1))
    .option("--crop-ratio <ratio>", "share of the shorter side that is seen", number(0.01, 1))
    .option("--head <head>", "both, class or distillation", "both")
    .option("--batch-size <images>", "images per run of the program", wholeNumber(1), 8)
    .option("--workers <threads>", "threads that read images", wholeNumber(0), Math.max(1, availableParallelism() - 1))
    .option("--predictions", "with --json: the five first choices of each image")
    .option("--json", "print one JSON value")
    .addHelpText(
      "after",
      "\nExample:\n  deit evaluate --model deit_tiny_patch16_224 --weights deit_tiny.safetensors --data val/ --json",
    )
    .action((options: Options) => interruptible((signal) => run(options, signal)));
}

interface Options extends EngineChoice {
  readonly data: string;
  readonly split: string;
  readonly weights: string;
  readonly model?: string;
  readonly classes?: string;
  readonly imageSize?: number;
  readonly cropRatio?: number;
  readonly head: Head;
  readonly batchSize: number;
  readonly workers: number;
  readonly predictions?: boolean;
  readonly json?: boolean;
}

async function run(options: Options, signal: AbortSignal): Promise<void> {
  const classFile = options.classes ? await readClassFile(options.classes) : undefined;
  const { model, weights, classes } = await openModel({ ...options, classes: classFile });
  const rule = await parseSplitRule(options.split);
  const dataset = await openDataset(options.data, { split: "test", classes, rule });
  const size = model.imageSize;
  const loader = createLoader({
    dataset,
    batchSize: Math.min(options.batchSize, dataset.length),
    transform: { kind: "evaluation", size, cropRatio: options.cropRatio ?? model.cropRatio, interpolation: "bicubic" },
    seed: 0,
    workers: options.workers,
    order: "sequential",
    dropLast: false,
  });
  const progress = createProgress({ title: "evaluating", total: dataset.length, unit: "images", quiet: options.json });
  const predictions: { image: string; top5: number[]; logits: number[] }[] = [];
  const start = performance.now();
  try {
    const result = await withEngine(options, async (engine) => {
      const classifier = await Classifier.create({ engine, model, head: options.head }, weights);
      return evaluate({
        classifier,
        loader,
        signal,
        onProgress: (n) => progress.update(n),
        onLogits: (index, logits) => {
          if (!options.predictions) return;
          const top5 = topK(logits, 5);
          predictions.push({ image: dataset.describe(index), top5, logits: top5.map((i) => logits[i]) });
        },
      });
    });
    progress.stop();
    const imagesPerSecond = (result.images * 1000) / (performance.now() - start);
    if (options.json) {
      console.log(
        JSON.stringify({
          ...result,
          imagesPerSecond,
          model: model.name,
          ...(options.predictions ? { predictions } : {}),
        }),
      );
    } else {
      console.log(
        `${model.name} on ${result.images} images: top-1 ${result.top1.toFixed(2)} %, top-5 ${result.top5.toFixed(2)} %, loss ${result.loss.toFixed(4)} (${imagesPerSecond.toFixed(1)} images/s)`,
      );
    }
  } finally {
    progress.stop();
    await loader.close();
  }
}
