/** README.md of an export: the model card with data, recipe, results and licence. */

import { printable } from "../errors/printable.js";
import type { Accuracy } from "../evaluation/training-record.js";
import { beforeCrop, heightAndWidth, type ImageSize } from "../geometry/image-size.js";
import { version } from "../system/version.js";
import type { ExportedFile, Layout } from "./layouts/layout.js";
import type { PortableSource } from "./source.js";
import type { MeasuredFile, Verification } from "./verification.js";

/** What the card tells of. */
export interface Card {
  readonly source: PortableSource;
  readonly layout: Layout;
  /** Name of the folder. */
  readonly folder: string;
  /** Whether graphs preprocess. */
  readonly preprocessing?: boolean;
  readonly verification?: Verification;
}

/** Settings of a recipe that say most about a training. */
const told = [
  "model",
  "epochs",
  "batchSize",
  "optimizer",
  "lr",
  "weightDecay",
  "finetune",
  "blocks",
  "learningRate",
  "augment",
  "distillation",
  "teacher",
] as const;

/** The file. */
export function modelCard(card: Card): ExportedFile {
  const sections = [frontMatter(card), about(card), trained(card), preprocessed(card), usage(card), verified(card)];
  return { kind: "text", path: "README.md", content: `${sections.filter(Boolean).join("\n\n")}\n` };
}

function frontMatter({ source, layout: { library } }: Card): string {
  const lines = [
    ...(source.license === undefined ? [] : [`license: ${JSON.stringify(source.license)}`]),
    `library_name: ${library}`,
    "pipeline_tag: image-classification",
    "tags:",
    "- image-classification",
    "- deit",
  ];
  return `---\n${lines.join("\n")}\n---`;
}

function about({ source: { model, classes, name, license, head } }: Card): string {
  const heads = !model.distilled || head === "both" ? "" : `, the ${head} head alone`;
  const licence = license === undefined ? "The licence of the weights is not stated." : `Licence: ${license}.`;
  return `# ${model.name}

An image classifier with ${model.classes} ${model.classes === 1 ? "class" : "classes"}${heads}, exported from \`${name}\` by [deit](https://www.npmjs.com/package/deit) ${version}.
${licence}${classes ? `\n\nClasses: ${listed(classes)}.` : ""}`;
}

const listed = (names: readonly string[]): string =>
  names.length <= 20
    ? names.map(plain).join(", ")
    : `${names.slice(0, 10).map(plain).join(", ")} and ${names.length - 10} more`;

const longestName = 80;

/** A class name as text of one line, whatever Markdown or HTML would make of it. */
const plain = (name: string): string => {
  const cut = name.length > longestName ? `${name.slice(0, longestName)}…` : name;
  return printable(cut.replace(/\s+/g, " ")).replace(/[\\`*_[\]<>&|~$]/g, "\\$&");
};

function trained({ source: { training } }: Card): string {
  if (!training) return "";
  const { data, images, settings, result } = training;
  const rows = told
    .filter((key) => settings[key] !== undefined && settings[key] !== null)
    .map((key) => `| ${key} | ${settings[key]} |`);
  const table = rows.length > 0 ? `\n\n| setting | value |\n|---|---|\n${rows.join("\n")}` : "";
  return `## Training\n\nData: ${data}, ${images} images for training.${table}${result ? accuracy(result) : ""}`;
}

function accuracy({ images, top1, top5 }: Accuracy): string {
  const others = top5 === undefined ? "" : `, top-5 ${top5.toFixed(2)} %`;
  return `\n\nAccuracy on ${images} images that it was not trained on: top-1 ${top1.toFixed(2)} %${others}.`;
}

function preprocessed({ source: { view }, layout, preprocessing = false }: Card): string {
  const { imageSize, cropRatio, cropMode, interpolation, channels, normalization: n } = view;
  const resized = beforeCrop(imageSize, cropRatio);
  const both = (size: ImageSize) => heightAndWidth(size).join(" × ");
  const shape = {
    center:
      typeof resized === "number"
        ? `so that the shorter side has ${resized} pixels`
        : `so that they just cover ${both(resized)} pixels`,
    squash: `to ${both(resized)} pixels`,
    border: `${typeof resized === "number" ? `so that the longer side has ${resized} pixels` : `so that they just fit into ${both(resized)} pixels`}, on a border of the colour ${view.borderColor?.join(", ")}`,
    native: "so that they just cover an input of nearly their shape",
  }[cropMode];
  return `## Preprocessing

${channels === 3 ? "Images" : `Images of ${channels === 1 ? 'one channel (grayscale: Pillow\'s `convert("L")`)' : 'four channels (RGBA: Pillow\'s `convert("RGBA")`)'}`} are resized (${interpolation}, antialiased) ${shape}; the central ${both(imageSize)} pixels, divided by 255, are normalised by
mean ${n.mean.join(", ")} and standard deviation ${n.std.join(", ")}.${preprocessing ? `\n\n${layout.preprocessed}` : ""}`;
}

const usage = ({ layout, folder }: Card): string => `## Usage\n\n${layout.usage(folder)}`;

function verified({ verification }: Card): string {
  if (!verification) return "";
  const { head, rows } = verificationTable(verification);
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return `## Verification

Each file against the source, on ${verification.images} images (${verification.data}):

${[line(head), line(head.map((_, i) => (i < 2 ? "---" : "---:"))), ...rows.map(line)].join("\n")}`;
}

/** The comparison as the cells of a table. */
export function verificationTable({ source, files }: Verification): {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
} {
  const speed = ({ imagesPerSecond }: Pick<MeasuredFile, "imagesPerSecond">) => imagesPerSecond?.toFixed(1) ?? "–";
  const percent = (share: number | undefined) => (share === undefined ? "–" : `${share.toFixed(2)} %`);
  return {
    head: ["file", "numbers", "size (MB)", "same top-1", "largest logit difference", "top-1", "images/s"],
    rows: [
      ["source", "float32", "–", "–", "–", percent(source.top1), speed(source)],
      ...files.map((f) => [
        ...[f.path, f.precision, (f.bytes / 1e6).toFixed(1), percent(f.agreement)],
        ...[f.largestDifference?.toPrecision(2) ?? "–", percent(f.top1), speed(f)],
      ]),
    ],
  };
}
