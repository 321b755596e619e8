/** The ONNX models of an export: its graph in the number formats that are wanted. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Dataset } from "../data/dataset/dataset.js";
import { viewLoader } from "../evaluation/view-loader.js";
import type { OnnxGraph } from "../formats/onnx/graph.js";
import { encodeModel } from "../formats/onnx/write.js";
import { modelFile } from "../portable/graph/model-file.js";
import { portableGraph } from "../portable/graph/portable.js";
import type { Variant } from "../portable/layouts/layout.js";
import { calibrationGraph, rangesOutput, watchedValues } from "../portable/quantize/calibration.js";
import type { QuantizationName } from "../portable/quantize/index.js";
import type { Ranges } from "../portable/quantize/quantization.js";
import { variantsOf } from "../portable/variants.js";
import { writeFileAtomic } from "../system/files/atomic-file.js";
import { requireGoingOn } from "./interruption.js";
import { Runner } from "./runner.js";
import type { ExportSource } from "./source.js";

/** Where ranges come from. */
interface Calibration {
  /** Images whose activations decide them; undefined if no format needs them. */
  readonly calibration?: Dataset;
  readonly signal?: AbortSignal;
}

/** float32 and the formats, calibrated on images where they need it. */
export async function calibratedVariants(
  source: ExportSource,
  formats: readonly QuantizationName[],
  { calibration, signal }: Calibration,
): Promise<readonly Variant[]> {
  const graph = portableGraph(source.model, source.weights, source.head);
  const ranges = calibration ? await rangesOn(source, graph, calibration, signal) : undefined;
  return variantsOf(source, graph, formats, ranges);
}

/** The mean over images of both ends of a value's range: outliers of single images widen no range. */
async function rangesOn(
  source: ExportSource,
  graph: OnnxGraph,
  dataset: Dataset,
  signal: AbortSignal | undefined,
): Promise<Ranges> {
  const watched = watchedValues(graph);
  const scratch = await mkdtemp(join(tmpdir(), "deit-calibration-"));
  try {
    const path = join(scratch, "calibration.onnx");
    await writeFileAtomic(path, encodeModel(modelFile(source, calibrationGraph(graph))));
    const loader = viewLoader({ dataset, view: source.view, batchSize: 1, workers: 0 });
    const runner = await Runner.open(path);
    const sums = new Float64Array(2 * watched.length);
    let images = 0;
    try {
      for await (const batch of loader.epoch(0)) {
        requireGoingOn(signal);
        const ends = await runner.pixels(batch.images, 1, source.view, rangesOutput);
        ends.forEach((end, i) => {
          sums[i] += end;
        });
        images++;
      }
    } finally {
      await runner.close();
      await loader.close();
    }
    return new Map(watched.map((x, i) => [x, [sums[i] / images, sums[watched.length + i] / images]]));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
