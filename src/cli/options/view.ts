/** Options for preprocessing images for a model, to override what its weights and the files next to them state. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { cropModes, type Rgb } from "../../data/pixels/fit.js";
import type { Exif } from "../../data/pixels/orientation.js";
import { interpolations } from "../../data/pixels/resize.js";
import {
  asNormalization,
  type NormalizationChoice,
  type NormalizationName,
  normalizationNames,
} from "../../evaluation/normalization.js";
import { type TestTime, testTimeKinds } from "../../evaluation/test-time.js";
import type { ViewChoice } from "../../evaluation/view.js";
import { tryJson } from "../../system/text/json.js";
import { imageSize, number } from "./options.js";

export function viewOptions(command: Command): Command {
  return command
    .option(
      "--image-size <pixels>",
      "resolution, such as 224, or 160x224 with the height first (default: as the weights say)",
      imageSize,
    )
    .option(
      "--crop-ratio <ratio>",
      "share of the shorter side that is kept (default: as the weights say)",
      number(0.01, 1),
    )
    .addOption(
      new Option(
        "--crop-mode <mode>",
        "images of another shape than the model's: cut off what is outside (center), squash them, add a border, or see them in their native aspect ratio (default: as the weights say)",
      ).choices(cropModes),
    )
    .option("--border-color <rgb>", "colour of the border in bytes, such as 0,0,0 (default: the mean)", color)
    .addOption(
      new Option("--interpolation <filter>", "how images are resized (default: as the weights say)").choices(
        interpolations,
      ),
    )
    .option(
      "--normalization <how>",
      'imagenet, inception (0.5), none, or {"mean":[r,g,b],"std":[r,g,b]} (default: as the weights say)',
      normalization,
    )
    .addOption(exifOption("apply or ignore the EXIF orientation (default: as the weights say)"));
}

/** `--exif`: how to handle the orientation in metadata, with a description of the default. */
export const exifOption = (description: string): Option =>
  new Option("--exif <what>", description).choices(["ignore", "apply"] satisfies Exif[]);

function color(text: string): Rgb {
  const [red, green, blue, ...more] = text
    .split(",")
    .map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : Number.NaN));
  if ([red, green, blue].every((value) => value <= 255) && more.length === 0) return [red, green, blue];
  throw new InvalidArgumentError("It must be red, green and blue from 0 to 255, such as 124,116,104.");
}

function normalization(text: string): NormalizationChoice {
  if ((normalizationNames as readonly string[]).includes(text)) return text as NormalizationName;
  const found = asNormalization(tryJson(text));
  if (found) return found;
  throw new InvalidArgumentError('It must be imagenet, inception, none or {"mean":[r,g,b],"std":[r,g,b]}.');
}

/** `--tta`: kinds of test-time augmentation with commas between them. */
export const testTimeOption = (): Option =>
  new Option(
    "--tta <kinds>",
    "mean probability over mirror images (flip, 2 times the work), centre and corners (crops, 5 times), three sizes (scales, 3 times); or several: crops,flip",
  )
    .argParser((text: string): TestTime => {
      const kinds = text.split(",");
      const unknown = kinds.find((kind) => !testTimeKinds.some((known) => known === kind));
      if (unknown === undefined) return kinds as readonly (typeof testTimeKinds)[number][];
      throw new InvalidArgumentError(`It must be ${testTimeKinds.join(", ")}, or several of them with commas between.`);
    })
    .default([], "the centre crop alone");

/** The parts of the view that are set by options. */
export function viewChoice(options: ViewChoice): ViewChoice {
  const { imageSize, cropRatio, cropMode, borderColor, interpolation, normalization, exif } = options;
  return { imageSize, cropRatio, cropMode, borderColor, interpolation, normalization, exif };
}
