/** `deit data preview`: show augmented training images as a contact sheet. */
import { basename, extname } from "node:path";
import type { Command } from "commander";
import { type Dataset, sayings } from "../../../data/dataset/dataset.js";
import { openDataset } from "../../../data/sources/open.js";
import type { EngineChoice } from "../../../engines/open.js";
import { UsageError } from "../../../errors/errors.js";
import { type Captioned, contactPage, contactSheet } from "../../../report/contact-sheet.js";
import { writeFileAtomic } from "../../../system/files/atomic-file.js";
import { trainingImages, trainingLoader } from "../../../training/feed/training-data.js";
import type { Recipe } from "../../../training/recipe/recipe.js";
import { settledRecipe } from "../../../training/recipe/settled.js";
import { createStudent } from "../../../training/recipe/student.js";
import { type PreviewImage, previewBatch } from "../../../training/study/preview.js";
import { chosenRun } from "../../inputs/chosen-run.js";
import { chosenSplitOption, engineOptions, wholeNumber, withEngine, workersOption } from "../../options/options.js";
import { type Asked, dataAndRecipe, type RecipeChoice, recipeOptions, requireData } from "../../options/recipe.js";
import { requireWritable } from "../../output/file.js";
import { interruptible } from "../../output/interruption.js";
import { openingBars, preparing } from "../../output/opening-progress.js";
import { note, print, warn } from "../../output/output.js";

export function define(command: Command): void {
  chosenSplitOption(recipeOptions(engineOptions(command)))
    .option("-o, --output <file>", "where to write: a .png picture, or an .html page", "preview.png")
    .option("--count <images>", "images to show", wholeNumber(1), 32)
    .option("--columns <n>", "images in a row", wholeNumber(1), 8)
    .option("--epoch <n>", "epoch to show", wholeNumber(0), 0)
    .option("--batch <n>", "batch of the epoch to show", wholeNumber(0), 0)
    .addOption(workersOption())
    .option("--on-bad-image <what>", "stop or skip", "stop")
    .option("--json", "print one JSON value: the images, their classes and mixing weights")
    .addHelpText(
      "after",
      `
Shows a batch with crops, augmentation, erasing, Mixup and CutMix exactly as a run of the recipe will see it, with the label
weights below each image.

Example:
  deit data preview small-data photos/ -o preview.png --count 24`,
    )
    .action((first: string, second: string | undefined, options: Options) =>
      interruptible(async () => run(await dataAndRecipe(first, second, options))),
    );
}

interface Options extends EngineChoice, RecipeChoice {
  readonly output: string;
  readonly count: number;
  readonly columns: number;
  readonly epoch: number;
  readonly batch: number;
  readonly split?: string;
  readonly workers: number;
  readonly onBadImage: "stop" | "skip";
  readonly json?: boolean;
}

/** Larger pictures are not useful. */
const mostImages = 1024;

async function run({ data: named, options }: Asked<Options>): Promise<void> {
  const data = requireData(named);
  const { output, count, columns, epoch, batch: step, workers, onBadImage } = options;
  const ending = extname(output).toLowerCase();
  if (ending !== ".png" && ending !== ".html")
    throw new UsageError(`--output is "${output}"; name a file that ends in .png or .html.`);
  if (count > mostImages) throw new UsageError(`--count is ${count}; at most ${mostImages} images can be shown.`);
  if (!["stop", "skip"].includes(onBadImage))
    throw new UsageError(`--on-bad-image is "${onBadImage}"; it must be stop or skip.`);
  await requireWritable("--output", output);
  const { recipe: chosen, split } = await chosenRun({ ...options, data });
  const { recipe } = await settledRecipe(chosen);
  const onEvent = preparing();
  const dataOptions = { data, workers, onBadImage, onEvent };
  const found = await openDataset(data, { split: "train", rule: split, onProgress: openingBars() });
  for (const saying of sayings(found)) warn(saying);
  const dataset = await trainingImages(found, recipe, dataOptions);
  const model = createStudent(recipe, dataset.classes.length);
  const loader = trainingLoader(dataset, recipe, model, dataOptions);
  if (step >= loader.stepsPerEpoch) {
    await loader.close();
    throw new UsageError(`--batch is ${step}; an epoch of this data has the batches 0 to ${loader.stepsPerEpoch - 1}.`);
  }
  const images = await withEngine(options, (engine) =>
    previewBatch({ recipe, model, dataset, loader, engine, epoch, step, count }),
  ).finally(() => loader.close());
  const samples = images.map((image) => captioned(image, dataset));
  const photos = new Set(images.map((i) => i.index)).size;
  const repeated = photos < images.length ? repetition(photos, recipe) : "";
  if (ending === ".html") {
    const lead = `Batch ${step} of epoch ${epoch}, as training with seed ${recipe.seed} will see it.${repeated}`;
    await writeFileAtomic(output, await contactPage(`Preview of ${data}`, lead, samples));
  } else {
    const sheet = await contactSheet(samples, columns);
    await writeFileAtomic(output, sheet.bytes);
    if (!sheet.captioned)
      note("No font is installed, so the captions are blank; write an .html page instead, or see --json.");
  }
  if (options.json) print(JSON.stringify(toJson(images, dataset, options)));
  else print(`${images.length} images of batch ${step}, epoch ${epoch}: ${output}.${repeated}`);
}

/** Why fewer photos are shown than there are pictures. */
function repetition(photos: number, { repeatedAugmentation, augmentationSplits }: Recipe): string {
  const reasons = [
    ...(repeatedAugmentation > 1
      ? [`repeatedAugmentation is ${repeatedAugmentation}, so each is in the batch as often, seen differently`]
      : []),
    ...(augmentationSplits > 1
      ? [
          `augmentationSplits is ${augmentationSplits}, so of each view the first picture is only cropped and flipped, and ${augmentationSplits === 2 ? "another is" : `${augmentationSplits - 1} others are`} augmented`,
        ]
      : []),
  ];
  if (reasons.length === 0) return "";
  return ` They show ${photos} photo${photos === 1 ? "" : "s"}: ${reasons.join("; ")}.`;
}

/** Captions: first the shares of the label, then the file. */
function captioned({ image, labels, index }: PreviewImage, dataset: Dataset): Captioned {
  const named = labels.map(({ label, weight }) =>
    weight > 0.9999 ? dataset.classes[label] : `${Math.round(100 * weight)} % ${dataset.classes[label]}`,
  );
  // Two lines even for one class, so that all captions have the same height.
  return { image, caption: [named[0], named[1] ?? "", basename(dataset.describe(index))] };
}

function toJson(images: readonly PreviewImage[], dataset: Dataset, { output, epoch, batch }: Options) {
  return {
    ...{ output, epoch, batch },
    images: images.map(({ labels, index, partner }) => ({
      image: dataset.describe(index),
      partner: labels.length > 1 ? dataset.describe(partner) : null,
      labels: labels.map(({ label, weight }) => ({ class: dataset.classes[label], weight })),
    })),
  };
}
