/**
 * Record files: images that `deit data pack` has scaled down and stored consecutively, so that epochs do not wait for
 * the disk.
 */
import { basename } from "node:path";
import type { Dataset, OpenOptions } from "../dataset/dataset.js";
import { LabelColumn } from "../dataset/labels.js";
import { noPart, requireUndivided } from "../dataset/parts.js";
import { readRecordFile } from "../records/read.js";

export const isRecordsName = (name: string): boolean => /\.records$/i.test(name);

/** The part's name in undivided data. */
export const undivided = "all";

export async function openRecords(path: string, { split, classes }: OpenOptions): Promise<Dataset> {
  const { description, index, stamp } = await readRecordFile(path);
  const { parts, name, classes: own } = index.about;
  const at = parts.findIndex((part) => part.name === split || part.name === undivided);
  if (parts[at]?.name === undivided) requireUndivided(path, split);
  if (at < 0)
    throw noPart(
      path,
      parts.map((part) => part.name),
      split,
    );
  const start = parts.slice(0, at).reduce((sum, part) => sum + part.samples, 0);
  const column = new LabelColumn();
  for (let i = 0; i < parts[at].samples; i++) column.push(String(index.label(start + i)));
  const { classes: known, labels } = column.resolve(path, { wanted: classes, own });
  const describe = (i: number) => `${path}:${index.key(start + i)}`;
  return {
    name: name || basename(path),
    classes: known,
    length: parts[at].samples,
    label: (i) => labels.at(i),
    source: (i) => ({
      kind: "record",
      path,
      stamp,
      encoding: description.encoding,
      name: describe(i),
      ...index.at(start + i),
    }),
    describe,
    key: (i) => index.key(start + i),
    form: JSON.stringify([
      ...[description.encoding, description.size, description.quality],
      ...(description.exif ? [description.exif] : []),
    ]),
    orientation: description.exif === "apply" ? "applied" : "lost",
  };
}
