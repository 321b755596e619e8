/** Pictures: sizes and shapes that training handles badly, and properties of files that it ignores. */
import { sentence, settingsOf } from "../../../errors/sentence.js";
import type { Trait } from "../examine.js";
import { alone, type Check, counted, type Finding, type FindingKind } from "../finding.js";
import type { Survey } from "../survey.js";

/** A shorter side this many times smaller than the median is tiny; so is one below `leastSide`. */
const tinyShare = 8;
const leastSide = 8;

/** Ratio of longer to shorter side from which a square crop shows little of the picture. */
const elongated = 4;

/** Pixels from which decoding, not training, dominates the time. */
const hugePixels = 25_000_000;

/** Shorter side up to which enlarging to the usual 224 pixels only costs time. */
const lowResolution = 96;

export const checkPictures: Check = (survey) => {
  const { length, unreadable, widths, heights, blank } = survey;
  const readable = Array.from({ length }, (_, i) => i).filter((i) => !unreadable.has(i));
  if (readable.length === 0) return [];
  const shorter = (i: number) => Math.min(widths[i], heights[i]);
  const longer = (i: number) => Math.max(widths[i], heights[i]);
  const median = medianOf(readable.map(shorter));
  const tiny = readable.filter((i) => shorter(i) < Math.max(leastSide, median / tinyShare));
  const few = (kind: FindingKind, indices: readonly number[], what: string, advice: string): Finding[] =>
    indices.length === 0
      ? []
      : [
          {
            kind,
            severity: "warning",
            count: indices.length,
            sentence: `${counted(indices.length, "image")} ${indices.length === 1 ? "is" : "are"} ${what}.`,
            advice,
            groups: alone(indices),
            remarks: new Map(indices.map((i) => [i, `${widths[i]}×${heights[i]}`])),
          },
        ];
  return [
    ...few("blank", blank, "blank, or nearly so", "Remove blank images: there is nothing to learn from them."),
    ...few(
      "tiny",
      tiny,
      `tiny beside the others, whose median shorter side is ${median} pixels`,
      "Replace them with larger ones, or remove them: enlarged, such an image is a blur.",
    ),
    ...few(
      "elongated",
      readable.filter((i) => longer(i) >= elongated * shorter(i)),
      `at least ${elongated} times as long as wide`,
      "Crop to what matters: a square crop shows only a part of such an image.",
    ),
    ...few(
      "huge",
      readable.filter((i) => widths[i] * heights[i] > hugePixels),
      `larger than ${hugePixels / 1e6} million pixels`,
      "Downscale them once rather than in every epoch.",
    ),
    ...(median <= lowResolution
      ? [
          {
            kind: "lowResolution",
            severity: "note",
            count: readable.length,
            sentence: `Half of the images have a shorter side of ${median} pixels or fewer.`,
            advice: sentence`Train at their own size (${settingsOf({ imageSize: nearestSize(median), patchSize: median <= 48 ? 4 : 8 }).of("train")}) rather than at 224 pixels.`,
            groups: [],
          } as const,
        ]
      : []),
    ...traitFindings(survey),
  ];
};

/** Text for each trait after "N images". */
const traitWords: Readonly<Record<Trait, { readonly what: string; readonly advice: string }>> = {
  grey: { what: "grey", advice: "Grey is read as RGB with three equal channels." },
  alpha: {
    what: "partly transparent",
    advice:
      "Transparency is dropped (except by models of 4 channels), and what lies under it shows; flatten the images if that is not intended.",
  },
  cmyk: { what: "in CMYK", advice: "CMYK is converted to RGB without a colour profile." },
  "16-bit": { what: "16-bit", advice: "All is scaled to 8 bits." },
  animated: { what: "animated", advice: "Only the first frame counts." },
  rotated: {
    what: "stored turned, with an EXIF mark that says so",
    advice: "The orientation is not applied, as in torchvision; rotate the pixels themselves where it matters.",
  },
};

function traitFindings({ traits }: Survey): Finding[] {
  return (Object.keys(traitWords) as Trait[]).flatMap((trait) => {
    const indices = [...(traits.get(trait) ?? [])].sort((a, b) => a - b);
    if (indices.length === 0) return [];
    const { what, advice } = traitWords[trait];
    const verb = indices.length === 1 ? "is" : "are";
    return [
      {
        kind: "trait",
        severity: "note",
        count: indices.length,
        sentence: `${counted(indices.length, "image")} ${verb} ${what}.`,
        advice,
        groups: alone(indices),
      } as const,
    ];
  });
}

export function medianOf(values: readonly number[]): number {
  return Float64Array.from(values).sort()[Math.floor(values.length / 2)];
}

/** The side rounded up to a multiple of 16. */
const nearestSize = (side: number): number => Math.max(16, Math.ceil(side / 16) * 16);
