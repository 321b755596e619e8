/**
 * The identity of a dataset: its classes, samples and labels in order, and the form of its images, wherever it is
 * stored.
 */
import { createHash } from "node:crypto";
import type { Dataset } from "./dataset.js";

/** SHA-256 over class names, the key and label of every sample, and the form of images that are no longer the originals. */
export function datasetIdentity(dataset: Dataset): string {
  const hash = createHash("sha256").update(JSON.stringify(dataset.classes));
  for (let i = 0; i < dataset.length; i++) hash.update(`${dataset.key(i)}\0${dataset.label(i)}\n`);
  if (dataset.form !== undefined) hash.update(`form ${dataset.form}`);
  return hash.digest("hex");
}
