/** What training and evaluation read from: samples with labels, wherever they lie. */
import { UsageError } from "../../errors/errors.js";
import { sentence, setting, way } from "../../errors/sentence.js";
import type { Exif } from "../codec/decode.js";
import type { SampleSet } from "./sample-set.js";

/** Where a sample's pixels come from. Plain data, so that it can be sent to a worker thread. */
export type SampleSource =
  | { readonly kind: "file"; readonly path: string }
  /** An encoded image inside a larger file, such as a tar archive. */
  | {
      readonly kind: "slice";
      readonly path: string;
      readonly offset: number;
      readonly length: number;
      /** Its name in messages. */
      readonly name: string;
    }
  /** Bare pixels inside a file: a plane each of red, green and blue, row by row. */
  | {
      readonly kind: "pixels";
      readonly path: string;
      readonly offset: number;
      readonly width: number;
      readonly height: number;
    }
  /** A record of a record file: an encoded image, or 8-bit RGB row by row. */
  | {
      readonly kind: "record";
      readonly path: string;
      /** Tells the file from another at its path. */
      readonly stamp: number;
      readonly offset: number;
      readonly length: number;
      /** CRC-32 of its bytes. */
      readonly checksum: number;
      readonly encoding: "jpeg" | "raw";
      readonly width: number;
      readonly height: number;
      readonly name: string;
    }
  | SampleContent
  /** An image that the caller reads, on the thread of the dataset: functions cannot be sent to workers. */
  | { readonly kind: "callback"; read(): Promise<SampleContent>; readonly name: string }
  | { readonly kind: "procedural"; readonly size: number; readonly seed: number; readonly label: number };

/** A sample that is in memory: as the content of an image file, or as 8-bit RGB row by row. */
export type SampleContent =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array | Blob; readonly name: string }
  | {
      readonly kind: "image";
      readonly width: number;
      readonly height: number;
      readonly data: Uint8Array;
      readonly name: string;
    };

/** What a dataset lies in where it is brought here piece by piece, as shards behind HTTP are. */
export interface Pieces {
  /** The piece that a sample lies in. */
  of(index: number): number;
  /** Brings these pieces here and keeps them until the answer is called. */
  hold(pieces: readonly number[]): Promise<() => void>;
  /** Begins to bring what will be wanted next. */
  foresee(pieces: readonly number[]): void;
}

/** Labelled images: plain facts about each sample; pixels come from its source (`createLoader`). */
export interface Dataset {
  readonly name: string;
  /** Class names; a label is an index into them. */
  readonly classes: readonly string[];
  readonly length: number;
  label(index: number): number;
  source(index: number): SampleSource;
  /** Path or other name of a sample, for messages. */
  describe(index: number): string;
  /** A sample's name within the dataset, the same wherever the data lie. */
  key(index: number): string;
  /** How the images differ from those of the same names elsewhere, where they do: packed small, say. */
  readonly form?: string;
  /**
   * What became of the orientation that images ask for in their metadata, where it is not there to be applied any more:
   * `applied` when they were packed, or `lost` then.
   */
  readonly orientation?: "applied" | "lost";
  /** Whether each sample has a name of its own for a label: a class to be found among others, but none to learn. */
  readonly distinct?: boolean;
  /** Sentences on how the data was taken that its user should read. */
  readonly notes?: readonly string[];
  /** Sentences on files among its own that look like images and are not taken. */
  readonly leftOut?: readonly string[];
  /** Where the samples have to be brought here piece by piece before their sources can be read. */
  readonly pieces?: Pieces;
}

/** How data is divided for training and testing. */
export type SplitRule =
  /** The data's own parts. */
  | { readonly kind: "given" }
  /** This share of each class is for testing. */
  | { readonly kind: "hash"; readonly share: number }
  | RecordedSplit;

/** These samples are for testing, by their keys; all others are for training. */
export interface RecordedSplit {
  readonly kind: "recorded";
  /** The file that says so. */
  readonly path: string;
  readonly share: number;
  readonly test: SampleSet;
}

/** The parts that data may have. Data without parts is all for training. */
export const partNames = ["train", "validation", "test"] as const;
/** A part of the data. */
export type PartName = (typeof partNames)[number];

/**
 * What is said before a path about how to read it, as in `list,label=species:photos.csv`: the columns that hold image
 * (or its path), label and part, the folder of a list's images, and what the parts are called.
 */
export const choiceKeys = ["image", "label", "split", "images", ...partNames] as const;
/** What was written before a path to say how it is read, by name. */
export type Choices = Readonly<Partial<Record<(typeof choiceKeys)[number], string>>>;

/** How a dataset is opened. */
export interface OpenOptions {
  readonly split: PartName;
  /** Unless told, what the data itself says. */
  readonly choices?: Choices;
  /** How parts are made (default: the data's own). Any other rule divides what is for training without it. */
  readonly rule?: SplitRule;
  /** Ends downloads that opening may take. */
  readonly signal?: AbortSignal;
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

/** Refuses images that were packed with their orientation applied, or lost, where the other is wanted. */
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

/** The same samples with labels that count other classes: `indices` says for each of its own which one that is. */
export function relabelled(dataset: Dataset, classes: readonly string[], indices?: Int32Array): Dataset {
  return { ...dataset, classes, label: indices ? (i) => indices[dataset.label(i)] : dataset.label };
}

/** The names of all samples, in their order. */
export const keysOf = (dataset: Dataset): string[] => Array.from({ length: dataset.length }, (_, i) => dataset.key(i));

/** All that its user should read about the data. */
export const sayings = ({ notes = [], leftOut = [] }: Dataset): readonly string[] => [...leftOut, ...notes];

/** The dataset with more to say about it. */
export const withNotes = (dataset: Dataset, notes: readonly string[]): Dataset =>
  notes.length === 0 ? dataset : { ...dataset, notes: [...notes, ...(dataset.notes ?? [])] };
