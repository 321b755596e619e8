import { expect, it } from "vitest";
import { memoryDataset } from "../../data/sources/memory.js";
import type { TrainEvent } from "../run-folder/events.js";
import { measuredData } from "./measured-data.js";

/** Images of which nothing but the labels matters here. */
const images = (labels: readonly string[]) =>
  memoryDataset(labels.map((label) => ({ bytes: new Uint8Array(4), label })));

it.each([
  [["cat", "dog"], 0],
  [["cat", "cat", "dog"], 1],
  [["cat", "cat", "dog", "dog"], 2],
])("of %j, %i can be measured", async (labels, measured) => {
  const data = images(labels);
  const told: string[] = [];
  const onEvent = (event: TrainEvent) => event.kind === "warning" && told.push(event.message);
  const { test } = await measuredData({ data, split: { kind: "hash", share: 0.2 }, onEvent }, data.classes);
  expect(test?.length ?? 0).toBe(measured);
  expect(told).toEqual(
    measured > 0
      ? []
      : [
          `No class of "${data.name}" has two images, so none can be held out to measure on; add images. Accuracy is not measured.`,
        ],
  );
});
