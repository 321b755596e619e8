/** How the files of an export compare with the model that they were made from. */

/** How a file of an export compares with its source. */
export interface MeasuredFile {
  /** Its path in the folder of the export. */
  readonly path: string;
  /** Its number format. */
  readonly precision: string;
  /** Size in bytes. */
  readonly bytes: number;
  /** Share of the images with the same most likely class, percent. */
  readonly agreement: number;
  /** Largest difference of a logit; undefined for a file that takes whole images, whose pixels may differ in rounding. */
  readonly largestDifference?: number;
  /** Accuracy, percent, if the images have labels. */
  readonly top1?: number;
  /** Images per second in batches of 8; undefined if the first run, which is not timed, took all images. */
  readonly imagesPerSecond?: number;
}

/** The comparison of an export with its source. */
export interface Verification {
  /** Number of images. */
  readonly images: number;
  /** The dataset that the images are from. */
  readonly data: string;
  /** The images whose activations decided the ranges of int8-static; none of them is among those measured. */
  readonly calibration?: {
    /** Number of the images. */
    readonly images: number;
    /** The dataset that they are from. */
    readonly data: string;
  };
  /** The source itself. */
  readonly source: Pick<MeasuredFile, "top1" | "imagesPerSecond">;
  /** The exported models. */
  readonly files: readonly MeasuredFile[];
}
