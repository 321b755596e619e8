/** `deit evaluate`: accuracy of a model on a folder of images. */

import { type Command, Option } from "commander";
import { type Dataset, requireOneLabel } from "../../data/dataset/dataset.js";
import type { EngineChoice } from "../../engines/open.js";
import { UsageError } from "../../errors/errors.js";
import { evaluateHeads, type HeadResult } from "../../evaluation/evaluate-heads.js";
import { headLogits } from "../../evaluation/heads.js";
import { topK } from "../../evaluation/metrics.js";
import type { OpenedModel } from "../../evaluation/open-model.js";
import { Probe } from "../../evaluation/probe.js";
import { readRealLabels } from "../../evaluation/real-labels.js";
import { cropCount, type TestTime, withCrops } from "../../evaluation/test-time.js";
import type { ImageSize } from "../../geometry/image-size.js";
import { type Head, headsOf } from "../../models/context.js";
import type { Model } from "../../models/model.js";
import {
  type DataOptions,
  dataOptions,
  evaluationLoader,
  namedClasses,
  testDataset,
} from "../inputs/evaluation-data.js";
import { openNotedModel } from "../inputs/noted-model.js";
import { engineOptions, withEngine } from "../options/options.js";
import { testTimeOption } from "../options/view.js";
import { interruptible } from "../output/interruption.js";
import { print } from "../output/output.js";
import { createProgress } from "../output/progress.js";

export function define(command: Command): void {
  dataOptions(engineOptions(command))
    .requiredOption("--weights <file>", "safetensors or PyTorch file, a run folder, hub, or hub:owner/name")
    .option("--model <name>", "model of the weights; deit's own checkpoints record it")
    .addOption(
      new Option("--head <head>", "head of a distilled model that predicts")
        .choices(["both", "class", "distillation"])
        .default("both"),
    )
    .addOption(testTimeOption())
    .option("--real <file>", "real.json of ImageNet-ReaL: also report accuracy against all correct labels")
    .option("--predictions", "with --json: the five top predictions of each image")
    .option("--json", "print one JSON value")
    .addHelpText(
      "after",
      "\nExample:\n  deit evaluate --model deit_tiny_patch16_224 --weights deit_tiny.safetensors --data val/ --json",
    )
    .action((options: Options) => interruptible((signal) => run(options, signal)));
}

interface Options extends EngineChoice, DataOptions {
  readonly weights: string;
  readonly model?: string;
  readonly imageSize?: ImageSize;
  readonly head: Head;
  readonly tta: TestTime;
  readonly real?: string;
  readonly predictions?: boolean;
  readonly json?: boolean;
}

async function run(options: Options, signal: AbortSignal): Promise<void> {
  const opened = await openNotedModel({ ...options, classes: await namedClasses(options) });
  const { model, view, weights, namedClasses: classes } = opened;
  if (options.head === "distillation" && !headsOf(model).includes(options.head))
    throw new UsageError(
      `--head is distillation, but the weights in "${options.weights}" have one head, that of the class token; leave --head out.`,
    );
  const dataset = await testDataset(
    { ...options, weights: [{ ...opened, path: options.weights }] },
    model,
    classes,
    signal,
  );
  requireSameLabels(opened, dataset, options.weights);
  const real = options.real === undefined ? undefined : await readRealLabels(options.real);
  const loader = evaluationLoader(dataset, withCrops(view, options.tta), options);
  // A model with one head uses it, that of the class token.
  const chosen: Head = headsOf(model).includes(options.head) ? options.head : "both";
  const progress = createProgress({ title: "evaluating", total: dataset.length, unit: "images", quiet: options.json });
  const predictions: { image: string; top5: number[]; logits: number[] }[] = [];
  const start = performance.now();
  try {
    const results = await withEngine(options, async (engine) => {
      const probe = await Probe.create(engine, model, weights, headLogits(model));
      return evaluateHeads(probe, {
        ...{ loader, dataset, real, signal },
        onProgress: (n) => progress.update(n),
        onLogits: (index, logits) => {
          if (!options.predictions) return;
          const top5 = topK(logits(chosen), 5);
          predictions.push({ image: dataset.describe(index), top5, logits: top5.map((i) => logits(chosen)[i]) });
        },
      });
    });
    progress.stop();
    const result = results.get(chosen)!;
    const imagesPerSecond = (result.images * 1000) / (performance.now() - start);
    if (options.json) {
      print(
        JSON.stringify({
          ...result,
          imagesPerSecond,
          model: model.name,
          view,
          ...(options.tta.length > 0 ? { tta: options.tta, crops: cropCount(options.tta) } : {}),
          ...(results.size > 1 ? { head: chosen, heads: Object.fromEntries(results) } : {}),
          ...(options.predictions ? { predictions } : {}),
        }),
      );
    } else {
      print(
        `${model.name} on ${result.images} ${result.images === 1 ? "image" : "images"}: ${described(result, model)} (${speed(imagesPerSecond, options.tta)})`,
      );
      if (result.averagePrecisions) for (const line of classLines(result.averagePrecisions, dataset)) print(line);
      if (results.size > 1) for (const [head, each] of results) print(`  ${head.padEnd(14)}${described(each, model)}`);
    }
  } finally {
    progress.stop();
    await loader.close();
  }
}

const speed = (imagesPerSecond: number, tta: TestTime): string =>
  `${imagesPerSecond.toFixed(1)} images/s${tta.length > 0 ? `, ${cropCount(tta)} crops of each` : ""}`;

function described({ top1, top5, loss, map, real }: HeadResult, { classes }: Pick<Model, "classes">): string {
  // With five classes or fewer the correct one is always among the top five.
  const shares = (of: { readonly top1: number; readonly top5: number }) =>
    `top-1 ${of.top1.toFixed(2)} %${classes > 5 ? `, top-5 ${of.top5.toFixed(2)} %` : ""}`;
  const mean = map === undefined ? "" : `mAP ${map.toFixed(2)} %, `;
  const all = `${mean}${shares({ top1, top5 })}, loss ${loss.toFixed(4)}`;
  return real ? `${all}; with all right labels ${shares(real)} of ${real.images}` : all;
}

/** Throws unless weights and data agree on how many labels an image has. */
function requireSameLabels({ severalLabels }: OpenedModel, dataset: Dataset, weights: string): void {
  if (!severalLabels)
    requireOneLabel(dataset, `but "${weights}" was trained for one class each; give data with one label an image`);
  else if (!dataset.labelsOf)
    throw new UsageError(
      `"${weights}" was trained on images of several labels, but those of "${dataset.name}" have one each; give a list with several, as list,separator=|:PATH.`,
    );
}

/** Classes whose average precision is shown; --json has all. */
const mostClasses = 20;

/** The average precision of each class, worst first. */
function classLines(averagePrecisions: readonly (number | undefined)[], { classes }: Dataset): string[] {
  const known = averagePrecisions.flatMap((value, c) => (value === undefined ? [] : [{ name: classes[c], value }]));
  const worst = known.sort((a, b) => a.value - b.value).slice(0, mostClasses);
  const rest = known.length - worst.length;
  return [
    "average precision of each class, lowest first:",
    ...worst.map(({ name, value }) => `  ${value.toFixed(1).padStart(5)} %  ${name}`),
    ...(rest > 0 ? [`  and ${rest} more (--json has all)`] : []),
  ];
}
