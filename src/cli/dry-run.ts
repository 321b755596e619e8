/** `deit train --dry-run`: estimate the cost of a run, as text or JSON. */

import { placeFromEnvironment } from "../cluster/rank-environment.js";
import type { EngineChoice } from "../engines/open.js";
import { UsageError } from "../errors/errors.js";
import { byteText } from "../system/text/byte-text.js";
import { duration } from "../system/text/duration.js";
import { runWarnings } from "../training/recipe/warnings.js";
import { type Estimate, estimateRun, leastMeasured } from "../training/study/estimate.js";
import { openTrial, type TrialOptions } from "../training/study/trial.js";
import { withEngine } from "./options/options.js";
import { preparing } from "./output/opening-progress.js";
import { note, print, warn } from "./output/output.js";
import { createProgress } from "./output/progress.js";
import { deviceText } from "./output/training-progress.js";
import { jsonText, worded } from "./output/wording.js";

export interface EstimateChoice {
  readonly watts?: number;
  readonly pricePerHour?: number;
  readonly pricePerKwh?: number;
  readonly json?: boolean;
}

/** Measures and prints, without creating a run folder. */
export async function printEstimate(
  options: EngineChoice & EstimateChoice & Omit<TrialOptions, "engine" | "signal">,
  signal: AbortSignal,
): Promise<void> {
  if (placeFromEnvironment())
    throw new UsageError("--dry-run measures one process; run it without deit launch, and divide its time by theirs.");
  const { watts, pricePerHour: perHour, pricePerKwh: perKilowattHour, json } = options;
  if (!json) note("Preparing data and program, then measuring a few steps; nothing is written.");
  const { estimate, device } = await withEngine(options, async (engine) => {
    const trial = await openTrial({ ...options, engine, signal, onEvent: preparing() });
    try {
      for (const message of runWarnings(trial.recipe, trial.stepsPerEpoch)) warn(message);
      const prices = { perHour, perKilowattHour };
      const progress = createProgress({ title: "measuring", total: leastMeasured, unit: "steps", quiet: json });
      // Fast steps are measured for longer than the minimum; the bar then stays full.
      const onStep = (done: number) => done <= leastMeasured && progress.update(done);
      const measuring = estimateRun(trial, { engine, precision: options.precision, watts, prices, onStep });
      const estimate = await measuring.finally(progress.stop);
      return { estimate, device: deviceText(engine.info) };
    } finally {
      await trial.close();
    }
  });
  print(json ? jsonText({ device, ...estimate }) : textOf(estimate, device));
}

function memoryText({ bytes, source, processBytes }: Estimate["memory"]): string {
  const all = processBytes === bytes ? "" : `; this process held ${byteText(processBytes)} at its fullest`;
  return `${byteText(bytes)} (${source})${all}`;
}

/** Features that the frozen part computes once, which is part of the time. */
const storingText = ({ views, images, bytes, seconds }: NonNullable<Estimate["storing"]>): string =>
  `${duration(seconds)} of the time, once: features of ${views === 1 ? "one view" : `${views} views`} of ${images.toLocaleString("en")} images, ${byteText(bytes)}`;

function textOf(e: Estimate, device: string): string {
  const number = (n: number) => n.toLocaleString("en", { maximumFractionDigits: n < 10 ? 2 : 0 });
  const step = e.secondsPerStep < 1 ? `${number(1000 * e.secondsPerStep)} ms` : `${number(e.secondsPerStep)} s`;
  const wait = e.loaderWait > 0.1 ? `, ${number(100 * e.loaderWait)} % waiting for data` : "";
  const rows: [string, string][] = [
    ["run", `${e.model}, ${(e.parameters / 1e6).toFixed(2)} M parameters, ${number(e.images)} images, ${device}`],
    ["speed", `${step} a step, ${number(e.imagesPerSecond)} images/s${wait}`],
    [
      "time",
      `${duration(e.trainingSeconds)} for ${number(e.steps)} steps in ${number(e.epochs)} epochs, ${duration(e.testSeconds)} of it for tests`,
    ],
    ...(e.storing ? [["storing", storingText(e.storing)] as [string, string]] : []),
    ["memory", memoryText(e.memory)],
    ["disk", `${byteText(e.diskBytes)} for checkpoints and weights${e.storing ? " and stored features" : ""}`],
    [
      "energy",
      `${e.kilowattHours < 0.01 ? `${number(1000 * e.kilowattHours)} Wh` : `${number(e.kilowattHours)} kWh`} at ${number(e.power.watts)} W`,
    ],
    ["cost", e.cost === undefined ? "name --price-per-hour or --price-per-kwh" : e.cost.toFixed(2)],
  ];
  return [
    ...rows.map(([name, text]) => `${name.padEnd(8)}${text}`),
    "",
    "Assumptions:",
    ...e.assumptions.map((a) => `- ${worded(a)}`),
  ].join("\n");
}
