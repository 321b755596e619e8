/** The input of training and evaluation: samples with labels, wherever they are stored. */
import { UsageError } from "../../errors/errors.js";
import { sentence, setting, way } from "../../errors/sentence.js";
import type { Channels } from "../../geometry/channels.js";
import type { Exif } from "../pixels/orientation.js";
import type { OnOpening } from "./opening.js";
import type { SampleSet } from "./sample-set.js";

/** Where a sample's pixels come from. Plain data, so that it can be sent to a worker thread. */
export type SampleSource =
  | {
      /** An image file. */
      readonly kind: "file";
      /** Its path. */
      readonly path: string;
    }
  | {
      /** An encoded image inside a larger file, such as a tar archive. */
      readonly kind: "slice";
      /** The path of that file. */
      readonly path: string;
      /** Byte at which the image begins. */
      readonly offset: number;
      /** Its bytes. */
      readonly length: number;
      /** Its name in messages. */
      readonly name: string;
    }
  | {
      /** Raw pixels inside a file: one plane each for red, green and blue, row by row. */
      readonly kind: "pixels";
      /** The path of the file. */
      readonly path: string;
      /** Byte at which the pixels begin. */
      readonly offset: number;
      /** Pixels of a row. */
      readonly width: number;
      /** Number of rows. */
      readonly height: number;
    }
  | {
      /** A record of a record file: an encoded image, or 8-bit RGB row by row. */
      readonly kind: "record";
      /** The path of the file. */
      readonly path: string;
      /** Distinguishes the file from a different one at its path. */
      readonly stamp: number;
      /** Byte at which the record's content begins. */
      readonly offset: number;
      /** Its bytes. */
      readonly length: number;
      /** CRC-32 of its bytes. */
      readonly checksum: number;
      /** What they are: a JPEG file, or 8-bit RGB. */
      readonly encoding: "jpeg" | "raw";
      /** Pixels of a row. */
      readonly width: number;
      /** Number of rows. */
      readonly height: number;
      /** Its name in messages. */
      readonly name: string;
    }
  | SampleContent
  | {
      /** An image that the caller reads, on the thread of the dataset: functions cannot be sent to workers. */
      readonly kind: "callback";
      /** Reads it. */
      read(): Promise<SampleContent>;
      /** Its name in messages. */
      readonly name: string;
    }
  | {
      /** An image that is drawn instead of read, for trials without data. */
      readonly kind: "procedural";
      /** Its side in pixels. */
      readonly size: number;
      /** Seed of what is drawn. */
      readonly seed: number;
      /** Class of what is drawn, from 0 to 9. */
      readonly label: number;
      /** How much images of a class differ (default: `any`). */
      readonly variety?: "any" | "upright";
    };

/** A sample that is in memory: as the content of an image file, or as 8-bit RGB row by row. */
export type SampleContent =
  | {
      /** The content of an image file, of any format that `decodeImage` knows. */
      readonly kind: "bytes";
      /** That content. */
      readonly bytes: Uint8Array | Blob;
      /** Its name in messages. */
      readonly name: string;
    }
  | {
      /** Decoded pixels. */
      readonly kind: "image";
      /** Pixels of a row. */
      readonly width: number;
      /** Number of rows. */
      readonly height: number;
      /** Red, green and blue of each pixel, row by row: `3 · width · height` bytes. */
      readonly data: Uint8Array;
      /** Opacity of each pixel, `width · height` bytes (default: opaque). */
      readonly alpha?: Uint8Array;
      /** Its name in messages. */
      readonly name: string;
    };

/** The pieces of a dataset that is fetched piece by piece, such as shards behind HTTP. */
export interface Pieces {
  /** The piece that contains a sample. */
  of(index: number): number;
  /** Fetches these pieces and keeps them until the returned function is called. */
  hold(pieces: readonly number[]): Promise<() => void>;
  /** Starts to fetch the pieces that will be needed next. */
  foresee(pieces: readonly number[]): void;
}

/** Labelled images: metadata of each sample; pixels come from its source (`createLoader`). */
export interface Dataset {
  /** What messages and run folders call the dataset; its path if it was opened from one. */
  readonly name: string;
  /** Class names; a label is an index into them. */
  readonly classes: readonly string[];
  /** Number of samples. */
  readonly length: number;
  /** Index of the sample's class in `classes`; of several labels the first, and 0 without any. */
  label(index: number): number;
  /** Indices of all classes of a sample, in order, where samples may have several labels or none (multi-label). */
  labelsOf?(index: number): readonly number[];
  /** Where the pixels of a sample come from. Nothing is read until the source is. */
  source(index: number): SampleSource;
  /** Path or other name of a sample, for messages. */
  describe(index: number): string;
  /** A sample's name within the dataset, independent of where the data is stored. */
  key(index: number): string;
  /** How the images differ from the originals with the same names, if they do, such as being packed at a small size. */
  readonly form?: string;
  /**
   * What happened to the orientation in the images' metadata, if it is no longer there to be applied: it was `applied`
   * when they were packed, or `lost` then.
   */
  readonly orientation?: "applied" | "lost";
  /** Whether each sample has a unique label: usable for looking up classes, but not for training. */
  readonly distinct?: boolean;
  /** Sentences for the user on how the data was read. */
  readonly notes?: readonly string[];
  /** Sentences on files among the data that look like images but are not used. */
  readonly leftOut?: readonly string[];
  /** Present if the samples have to be fetched piece by piece before their sources can be read. */
  readonly pieces?: Pieces;
}

/** How data is divided for training and testing. */
export type SplitRule =
  | {
      /** The data's own parts. */
      readonly kind: "given";
    }
  | {
      /** A share of each class is for testing, chosen by the hashes of the samples' keys. */
      readonly kind: "hash";
      /** That share, between 0 and 1. */
      readonly share: number;
    }
  | RecordedSplit;

/** These samples are for testing, by their keys; all others are for training. */
export interface RecordedSplit {
  /** Distinguishes this rule from a share or from the parts of the data itself. */
  readonly kind: "recorded";
  /** The file with the split. */
  readonly path: string;
  /** Share of each class that was chosen for testing, between 0 and 1. */
  readonly share: number;
  /** Keys of the samples that are for testing. */
  readonly test: SampleSet;
}

/** The parts that data may have. Data without parts is used entirely for training. */
export const partNames = ["train", "validation", "test"] as const;
/** A part of the data. */
export type PartName = (typeof partNames)[number];

/**
 * Choices before a path on how to read it, as in `list,label=species:photos.csv`: the columns of image (or its path),
 * label and part, what separates several labels in a cell, the folder of a list's images, and the names of the parts.
 */
export const choiceKeys = ["image", "label", "separator", "split", "images", ...partNames] as const;
/** Choices written before a path, by name. */
export type Choices = Readonly<Partial<Record<(typeof choiceKeys)[number], string>>>;

/** How a dataset is opened. */
export interface OpenOptions {
  /** The part to open. */
  readonly split: PartName;
  /** Default: what the data itself states. */
  readonly choices?: Choices;
  /** How parts are made (default: the data's own). Any other rule divides the data that is otherwise for training. */
  readonly rule?: SplitRule;
  /** Aborts downloads during opening. */
  readonly signal?: AbortSignal;
  /** Hears of what takes long. */
  readonly onProgress?: OnOpening;
  /** Class names in the order of their index (default: the data's own). */
  readonly classes?: readonly string[];
}

/** The samples of `dataset` at `indices`. */
export function subset(dataset: Dataset, indices: ArrayLike<number>): Dataset {
  const { pieces } = dataset;
  return {
    pieces: pieces && { ...pieces, of: (i) => pieces.of(indices[i]) },
    name: dataset.name,
    classes: dataset.classes,
    length: indices.length,
    label: (i) => dataset.label(indices[i]),
    ...(dataset.labelsOf ? { labelsOf: (i: number) => dataset.labelsOf!(indices[i]) } : {}),
    source: (i) => dataset.source(indices[i]),
    describe: (i) => dataset.describe(indices[i]),
    key: (i) => dataset.key(indices[i]),
    form: dataset.form,
    orientation: dataset.orientation,
    distinct: dataset.distinct,
    notes: dataset.notes,
    leftOut: dataset.leftOut,
  };
}

/** Throws if images were packed with their orientation applied, or lost, and `exif` requires the opposite. */
export function requireOrientation({ name, orientation }: Dataset, exif: Exif | undefined): void {
  if (exif === "apply" && orientation === "lost")
    throw new UsageError(
      sentence`The images of "${name}" were packed without applying their EXIF orientation; pack them again with ${setting("exif", "apply").of("data pack")}${way`, or choose ${setting("exif", "ignore")}`}.`,
    );
  if (exif === "ignore" && orientation === "applied")
    throw new UsageError(
      sentence`The images of "${name}" were rotated by their EXIF orientation when packed, but are wanted as stored; ${way`choose ${setting("exif", "apply")}, or `}pack them again without it.`,
    );
}

/** Throws UsageError for views of four channels of images that were packed without their alpha. */
export function requireAlpha(dataset: Dataset, channels: Channels = 3): void {
  if (channels === 4 && dataset.length > 0 && dataset.source(0).kind === "record")
    throw new UsageError(
      sentence`The images of "${dataset.name}" were packed as RGB, without alpha; give the images themselves${way`, or set ${setting("channels", 3)}`}.`,
    );
}

/** Throws UsageError for images of several labels; `since` says what needs one, and the way out. */
export function requireOneLabel({ name, labelsOf }: Dataset, since: string): void {
  if (labelsOf) throw new UsageError(`The images of "${name}" have several labels, ${since}.`);
}

/** The same samples with labels for different classes: `indices` maps its own classes to the new ones. */
export function relabelled(dataset: Dataset, classes: readonly string[], indices?: Int32Array): Dataset {
  const { labelsOf } = dataset;
  return {
    ...{ ...dataset, classes },
    label: indices ? (i) => indices[dataset.label(i)] : dataset.label,
    ...(indices && labelsOf
      ? {
          labelsOf: (i: number) =>
            labelsOf(i)
              .map((c) => indices[c])
              .sort((a, b) => a - b),
        }
      : {}),
  };
}

/** The names of all samples, in order. */
export const keysOf = (dataset: Dataset): string[] => Array.from({ length: dataset.length }, (_, i) => dataset.key(i));

/** Everything the user should read about the data. */
export const sayings = ({ notes = [], leftOut = [] }: Dataset): readonly string[] => [...leftOut, ...notes];

/** The dataset with additional notes. */
export const withNotes = (dataset: Dataset, notes: readonly string[]): Dataset =>
  notes.length === 0 ? dataset : { ...dataset, notes: [...notes, ...(dataset.notes ?? [])] };
