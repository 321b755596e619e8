/** What is exported: a model with its weights, and where they come from. */
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { UsageError } from "../errors/errors.js";
import { type Message, sentence, setting } from "../errors/sentence.js";
import { type ModelChoice, type OpenedModel, openModel } from "../evaluation/open-model.js";
import type { TrainingRecord } from "../evaluation/training-record.js";
import { requireOneSize } from "../evaluation/view.js";
import { type Head, headsOf } from "../models/context.js";
import type { PortableSource } from "../portable/source.js";
import { describeRun } from "../training/run-folder/manifest.js";
import { type RunSummary, summarizeRun } from "../training/run-folder/summary.js";
import { isHubName } from "../weights/hub-names.js";

/** Which model to export. */
export interface SourceChoice extends ModelChoice {
  /** The head of a distilled model whose logits the export gives (default: the mean of both). */
  readonly head?: Head;
  /** The licence of the weights, such as `apache-2.0`; nothing is assumed. */
  readonly license?: string;
}

/** The opened source. */
export interface ExportSource extends PortableSource {
  /** Notes on how the weights were interpreted. */
  readonly notes: readonly Message[];
}

/** Opens it. Throws a DeitError where the model cannot be opened or lacks the head. */
export async function openSource(choice: SourceChoice): Promise<ExportSource> {
  const { head = "both", license, weights } = choice;
  const opened = await openModel(choice);
  if (!headsOf(opened.model).includes(head) && head !== "class")
    throw new UsageError(
      sentence`${setting("head", head)} needs a distillation token with a head, but "${weights}" has one head, that of the class token; leave it out.`,
    );
  requireOneSize(opened.view, "An exported file takes");
  if (opened.severalLabels)
    throw new UsageError(
      `"${weights}" was trained on images of several labels, and other programs would take its outputs for one class each, since an exported file does not say that they are sigmoids; use the weights themselves, with classifier() or serve().`,
    );
  return {
    ...opened,
    head,
    license,
    name: isHubName(weights) ? weights : basename(weights),
    trainedOn: opened.trainedOn?.text,
    training: trainingOf(await runOf(weights), opened),
  };
}

/** By the run if there is its folder; else as far as the weights say. */
function trainingOf(run: RunSummary | undefined, { trainedOn, training }: OpenedModel): TrainingRecord | undefined {
  const data = trainedOn?.name ?? "not named";
  const images = trainedOn?.known[0]?.images ?? run?.manifest.images;
  if (images === undefined) return training;
  return { data, images, settings: { ...run?.recipe }, result: run?.final ?? run?.best?.test };
}

/** The run in whose folder the weights are. */
async function runOf(weights: string): Promise<RunSummary | undefined> {
  const info = isHubName(weights) ? undefined : await stat(weights).catch(() => undefined);
  if (!info) return undefined;
  const folder = info.isDirectory() ? weights : dirname(weights);
  return (await describeRun(folder)) && summarizeRun(folder);
}
