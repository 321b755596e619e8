/** `deit agreement`: compare the predictions of several models (table 4 of the paper). */
import type { Command } from "commander";
import { type Dataset, requireOneLabel } from "../../data/dataset/dataset.js";
import type { Engine } from "../../engines/engine.js";
import type { EngineChoice } from "../../engines/open.js";
import { UsageError } from "../../errors/errors.js";
import { type Decisions, decide, disagreement } from "../../evaluation/agreement.js";
import { isOnnxFile } from "../../evaluation/onnx-file/classifier.js";
import type { OpenedModel } from "../../evaluation/open-model.js";
import { applySettings } from "../../training/recipe/file.js";
import { parseRecipe } from "../../training/recipe/recipe.js";
import { onnxChoiceOf } from "../../training/teacher/onnx.js";
import { type Contestant, modelContestant, onnxContestant } from "../inputs/contestant.js";
import {
  type DataOptions,
  dataOptions,
  evaluationLoader,
  namedClasses,
  testDataset,
} from "../inputs/evaluation-data.js";
import { openNotedModel } from "../inputs/noted-model.js";
import { collected } from "../options/lists.js";
import { type ModelArgument, modelArguments } from "../options/model-argument.js";
import { engineOptions, withEngine } from "../options/options.js";
import { viewChoice } from "../options/view.js";
import { interruptible } from "../output/interruption.js";
import { print } from "../output/output.js";
import { createProgress } from "../output/progress.js";
import { textTable } from "../output/table.js";
import { modelsForm } from "../output/wording.js";

export function define(command: Command): void {
  dataOptions(engineOptions(command))
    .argument("<models...>", `${modelsForm} each, such as teacher=runs/teacher or deit_tiny_patch16_224:tiny.pth`)
    .option(
      "--set <key=value ...>",
      "for ONNX files that do not state them: teacherNormalization, teacherImageSize, teacherClasses",
      collected,
    )
    .option("--json", "print one JSON value")
    .addHelpText(
      "after",
      "\nExample:\n  deit agreement teacher=runs/teacher plain=runs/plain student=runs/distilled --data photos/\n\nThe two heads of a distilled model are also compared with each other. A model may also be an ONNX file (.onnx) of any\nclassifier; its classes are matched with the data's by name.",
    )
    .action((models: string[], options: Options) =>
      interruptible((signal) => run(modelArguments(models), options, signal)),
    );
}

interface Options extends EngineChoice, DataOptions {
  readonly set?: readonly string[];
  readonly json?: boolean;
}

interface Opened extends OpenedModel {
  readonly name: string;
  /** The weights, as given by the user. */
  readonly file: string;
}

const isOnnx = ({ weights }: ModelArgument): boolean => isOnnxFile(weights);

async function run(models: readonly ModelArgument[], options: Options, signal: AbortSignal): Promise<void> {
  const named = await namedClasses(options);
  const opened: Opened[] = [];
  for (const { name, model, weights } of models.filter((m) => !isOnnx(m)))
    opened.push({
      ...{ name, file: weights },
      ...(await openNotedModel({ ...viewChoice(options), model, weights, classes: named })),
    });
  const classes = commonClasses(opened);
  const dataset = await testDataset(
    { ...options, weights: opened.map((each) => ({ ...each, path: each.file })) },
    opened[0]?.model,
    named ?? classes,
    signal,
  );
  requireOneLabel(dataset, "and agreement compares decisions for one class each; give data with one label an image");

  const choice = await onnxChoiceOf(parseRecipe(applySettings({}, options.set ?? [])));
  const open = (engine: Engine, argument: ModelArgument): Promise<Contestant> => {
    const own = opened.find((o) => o.name === argument.name);
    if (own) return modelContestant(engine, own.name, own);
    const { name, weights: path } = argument;
    const batch = Math.min(options.batchSize, dataset.length);
    return onnxContestant({
      name,
      path,
      classes: dataset.classes,
      batch,
      chosen: viewChoice(options),
      choice,
    });
  };
  const decided = await withEngine(options, async (engine) => {
    const contestants: Contestant[] = [];
    try {
      for (const argument of models) contestants.push(await open(engine, argument));
      return await decideAll(contestants, dataset, options, signal);
    } finally {
      for (const contestant of contestants) await contestant.close();
    }
  });

  const truth: Decisions = {
    name: "truth",
    classes: Int32Array.from({ length: dataset.length }, (_, i) => dataset.label(i)),
  };
  const rows = [truth, ...decided.flat()];
  const matrix = disagreement(rows);
  const names = rows.map((r) => r.name);
  if (options.json) print(JSON.stringify({ images: dataset.length, names, disagreement: matrix }));
  else {
    print(`Share of ${dataset.length} images on which two decide differently:\n`);
    print(
      textTable(
        ["", ...names],
        matrix.map((row, i) => [names[i], ...row.map((v) => v.toFixed(3))]),
      ),
    );
  }
}

/** The class names that the models share; throws UsageError if they differ. */
function commonClasses(opened: readonly Opened[]): readonly string[] | undefined {
  const [first, ...others] = opened;
  for (const { name, model } of others) {
    if (model.classes !== first.model.classes)
      throw new UsageError(
        `"${name}" knows ${model.classes} classes and "${first.name}" ${first.model.classes}; compare models of the same classes.`,
      );
  }
  const withNames = opened.filter((o) => o.namedClasses !== undefined);
  const other = withNames.find((o) => o.namedClasses!.some((c, i) => c !== withNames[0].namedClasses![i]));
  if (other)
    throw new UsageError(
      `"${other.name}" and "${withNames[0].name}" have different class names or another order of them; compare models of the same classes.`,
    );
  return withNames[0]?.namedClasses;
}

/** The predictions of each; models with the same preprocessing share one pass. */
async function decideAll(
  contestants: readonly Contestant[],
  dataset: Dataset,
  options: Options,
  signal: AbortSignal,
): Promise<Decisions[][]> {
  const passes = new Map<string, Contestant[]>();
  for (const each of contestants) {
    const key = JSON.stringify({ ...each.view, normalization: undefined });
    passes.set(key, [...(passes.get(key) ?? []), each]);
  }
  const total = dataset.length * passes.size;
  const progress = createProgress({ title: "deciding", total, unit: "images", quiet: options.json });
  const all = new Map<Contestant, Decisions[]>();
  let done = 0;
  try {
    for (const group of passes.values()) {
      const loader = evaluationLoader(dataset, group[0].view, options);
      const onProgress = (n: number) => progress.update(done + n);
      const decisions = await decide(group, dataset, { loader, signal, onProgress }).finally(loader.close);
      group.forEach((each, i) => {
        all.set(each, decisions[i]);
      });
      done += dataset.length;
    }
  } finally {
    progress.stop();
  }
  return contestants.map((each) => all.get(each)!);
}
