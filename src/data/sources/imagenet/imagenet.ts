/**
 * ImageNet as distributed: tar archives of one class each, separate or together in one, and validation images named by
 * number, archived or not. Nothing is unpacked: images are read in place.
 */
import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { FileError } from "../../../errors/errors.js";
import { fileError } from "../../../errors/file-error.js";
import { type ByteSource, fileSource, within } from "../../../formats/byte-source.js";
import { tarMembers } from "../../../formats/tar.js";
import { withFile } from "../../../system/files/read-range.js";
import { type Dataset, type OpenOptions, partNames } from "../../dataset/dataset.js";
import { FileList, fileDataset, filesNamed, isImageName } from "../../dataset/files.js";
import { LabelColumn } from "../../dataset/labels.js";
import { reported } from "../../dataset/opening.js";
import { noPart, requireUndivided } from "../../dataset/parts.js";
import { hasFile, lookAt, type Place } from "../../dataset/place.js";
import { SampleTable, tableDataset } from "../../dataset/sample-table.js";
import { addIndexed, cachedIndex, emptyIndex, type ShardIndex } from "../shards/tar-index.js";
import { readTruth, type Truth } from "./truth.js";

const archives = { train: /^ILSVRC2012_img_train\.tar$/, validation: /^ILSVRC2012_img_val\.tar$/ } as const;
const classArchive = /^(n\d{8})\.tar$/;
const validationImage = /^ILSVRC2012_val_(\d{8})\.JPEG$/i;

export function isImagenet(place: Place): boolean {
  const known = [archives.train, archives.validation, classArchive];
  if (place.kind === "file") return known.some((name) => name.test(basename(place.path)));
  return [...known, validationImage].some((name) => hasFile(place, name));
}

/** Opens an archive or a folder of archives of one part, or the folder with the archives of both. */
export async function openImagenet(path: string, options: OpenOptions): Promise<Dataset> {
  const place = await lookAt(path);
  const { split } = options;
  if (place.kind === "file") {
    requireUndivided(path, split);
    return openArchive(path, options);
  }
  const { files } = place;
  const there = partNames.filter((part) => part !== "test" && files.some((name) => archives[part].test(name)));
  if (there.length > 0) {
    const whole = split === "test" ? undefined : files.find((name) => archives[split].test(name));
    if (whole === undefined) throw noPart(path, there, split);
    return openArchive(join(path, whole), options);
  }
  requireUndivided(path, split);
  if (hasFile(place, validationImage)) return openValidationFolder(path, options);
  const names = await filesNamed(path, classArchive);
  if (names.length === 0) throw new FileError(path, `"${path}" holds no archive such as n01440764.tar.`);
  return openArchives(
    names.map((name) => join(path, name)),
    options,
  );
}

const openArchive = (path: string, options: OpenOptions): Promise<Dataset> =>
  archives.validation.test(basename(path)) ? openValidationArchive(path, options) : openArchives([path], options);

/** Training images: archives named by class, or archives that contain such archives. */
async function openArchives(paths: readonly string[], options: OpenOptions): Promise<Dataset> {
  const table = new SampleTable();
  const labels = new LabelColumn();
  for (const [i, path] of paths.entries()) {
    const title = paths.length === 1 ? "listing" : `listing (${i + 1} of ${paths.length})`;
    addIndexed(table, labels, path, await indexOf(path, title, options));
  }
  const name = paths.length === 1 ? paths[0] : dirname(paths[0]);
  return tableDataset(basename(name), table, labels.resolve(name, { wanted: options.classes }));
}

async function openValidationArchive(path: string, options: OpenOptions): Promise<Dataset> {
  const truth = await readTruth(dirname(path));
  const index = await indexOf(path, "listing", options);
  const table = new SampleTable();
  const labels = new LabelColumn();
  addIndexed(table, labels, path, { ...index, labels: index.keys.map((name) => synsetOf(path, name, truth)) });
  return tableDataset(basename(path), table, labels.resolve(path, { wanted: options.classes, own: truth.classes }));
}

async function openValidationFolder(path: string, options: OpenOptions): Promise<Dataset> {
  const truth = await readTruth(path);
  const files = new FileList(path);
  files.addAll("", await filesNamed(path, validationImage));
  const labels = new LabelColumn();
  for (let i = 0; i < files.length; i++) labels.push(synsetOf(path, files.relative(i), truth));
  return fileDataset(files, labels.resolve(path, { wanted: options.classes, own: truth.classes }));
}

function synsetOf(path: string, name: string, truth: Truth): string {
  const number = Number(validationImage.exec(basename(name))?.[1]);
  const synset = truth.synset(number);
  if (synset !== undefined) return synset;
  throw new FileError(path, `"${truth.path}" states no class of "${basename(name)}" in "${path}"; get both again.`);
}

/** The images of an archive, from the cache if it has not changed. */
async function indexOf(path: string, title: string, { signal, onProgress }: OpenOptions): Promise<ShardIndex> {
  const { size, mtimeMs } = await stat(path).catch((error) => {
    throw fileError(path, "read", error);
  });
  return cachedIndex(["imagenet", resolve(path), size, mtimeMs], () =>
    withFile(path, async (file) => {
      const total = Math.ceil(size / 2 ** 20);
      const what = { doing: `${title} ${basename(path)}`, total, unit: "MiB" } as const;
      return reported(onProgress, what, async (update) =>
        indexArchive(await fileSource(path, file), (at) => {
          signal?.throwIfAborted();
          update(Math.floor(at / 2 ** 20));
        }),
      );
    }),
  );
}

async function indexArchive(source: ByteSource, onProgress: (at: number) => void): Promise<ShardIndex> {
  const index = emptyIndex();
  const walk = async (archive: ByteSource, start: number, label: string, inner: boolean): Promise<void> => {
    for await (const { name, offset, length } of tarMembers(archive)) {
      onProgress(start + offset);
      const synset = classArchive.exec(basename(name))?.[1];
      if (synset !== undefined && !inner) {
        const part = within(archive, offset, length, `${archive.name}:${basename(name)}`);
        await walk(part, offset, synset, true);
      } else if (isImageName(name)) {
        index.keys.push(basename(name));
        index.labels.push(label);
        index.offsets.push(start + offset);
        index.lengths.push(length);
      }
    }
  };
  await walk(source, 0, classArchive.exec(basename(source.name))?.[1] ?? "", false);
  if (index.keys.length === 0) throw new FileError(source.name, `"${source.name}" holds no images; get it again.`);
  return index;
}
