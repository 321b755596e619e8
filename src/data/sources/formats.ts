/**
 * The supported data formats, from the most specific to the most general; the first that recognises a place opens it.
 */
import type { choiceKeys, Dataset, OpenOptions } from "../dataset/dataset.js";
import { hasFile, type Place } from "../dataset/place.js";
import { isCifarFile, openCifar } from "./cifar.js";
import { openFlatFolder } from "./flat.js";
import { openHubDataset } from "./hub.js";
import { openImageFolder } from "./image-folder.js";
import { isImagenet, openImagenet } from "./imagenet/imagenet.js";
import { annotationFile, openInaturalist } from "./inaturalist.js";
import { describesPlace, isListFile, openList, ownList } from "./list/list.js";
import { isParquetName, openParquet } from "./parquet/parquet.js";
import { isRecordsName, openRecords } from "./records.js";
import { hasShards, isShardName, openWebDataset } from "./shards/webdataset.js";
import { isTinyImagenet, openTinyImagenet } from "./tiny-imagenet.js";

export interface Format {
  /** Description for people: completes "deit understands …". */
  readonly about: string;
  /** Choices allowed between its name and the colon, as in `list,label=species:photos.csv`. */
  readonly choices: readonly (typeof choiceKeys)[number][];
  recognises(place: Place): boolean;
  open(path: string, options: OpenOptions): Promise<Dataset>;
}

/** One entry each; the name with a colon before a path selects the format without detection. */
export const formats: Readonly<Record<string, Format>> = {
  inat: {
    about: "iNaturalist (train2019.json beside its images)",
    choices: [],
    recognises: (place) => hasFile(place, annotationFile),
    open: openInaturalist,
  },
  cifar: {
    about: "CIFAR-10 or CIFAR-100 (binary or Python batches)",
    choices: [],
    recognises: (place) => place.files.some(isCifarFile),
    open: openCifar,
  },
  list: {
    about: "a .csv or .jsonl list of path and label",
    choices: ["image", "label", "separator", "split", "images", "train", "validation", "test"],
    recognises: (place) => (place.kind === "file" ? isListFile(place.path) : hasFile(place, ownList)),
    open: openList,
  },
  imagenet: {
    about:
      "ImageNet's own archives (ILSVRC2012_img_train.tar, n01440764.tar, …) and its validation images with their kit",
    choices: [],
    recognises: isImagenet,
    open: openImagenet,
  },
  tinyimagenet: {
    about: "the validation images of Tiny ImageNet (val_annotations.txt beside images/)",
    choices: [],
    recognises: isTinyImagenet,
    open: openTinyImagenet,
  },
  parquet: {
    about: "Parquet files of the Hugging Face datasets library",
    choices: ["image", "label", "split", "train", "validation", "test"],
    recognises: (place) => (place.kind === "file" ? isParquetName(place.path) : place.files.some(isParquetName)),
    open: openParquet,
  },
  records: {
    about: "a record file of deit data pack (.records)",
    choices: [],
    recognises: ({ kind, path }) => kind === "file" && isRecordsName(path),
    open: openRecords,
  },
  wds: {
    about: "WebDataset shards (.tar or .tar.gz, also as shard-{000..009}.tar, also on the web)",
    choices: ["train", "validation", "test"],
    recognises: (place) => (place.kind === "file" ? isShardName(place.path) : hasShards(place)),
    open: openWebDataset,
  },
  hf: {
    about: "a dataset of the Hugging Face hub (hf:owner/name)",
    choices: ["image", "label", "train", "validation", "test"],
    recognises: () => false,
    open: openHubDataset,
  },
  folders: {
    about: "a folder with a folder per class",
    choices: ["train", "validation", "test"],
    recognises: ({ folders }) => folders.length > 0,
    open: openImageFolder,
  },
  flat: {
    about: "a folder of files named CLASS_….jpg",
    choices: ["label"],
    recognises: ({ kind, folders }) => kind === "folder" && folders.length === 0,
    open: openFlatFolder,
  },
};

/** The name of the first format that recognises a place; undefined if none does. */
export async function formatOf(place: Place): Promise<string | undefined> {
  for (const [name, format] of Object.entries(formats)) {
    if (!format.recognises(place)) continue;
    if (name !== "list" || place.kind === "file" || (await describesPlace(place))) return name;
  }
  return undefined;
}
