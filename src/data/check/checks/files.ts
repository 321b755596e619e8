/** Files: can each be read, does it match its name, and is anything overlooked? */
import { extname } from "node:path";
import { type Message, sentence, setting } from "../../../errors/sentence.js";
import { howToConvert } from "../../dataset/left-out.js";
import { alone, type Check, counted, type Finding } from "../finding.js";
import type { Oddity } from "../inventory.js";

export const checkFiles: Check = ({ length, unreadable, damaged, misnamed, formats, describe, oddities, parts }) => {
  const refused = paths(oddities, "refused");
  const unlisted = paths(oddities, "unlisted");
  const ignored = paths(oddities, "ignored");
  const unread = paths(oddities, "unread");
  const unlabelled = oddities.flatMap((o) => (o.kind === "unlabelled" ? [o.message] : []));
  const told = oddities.flatMap((o) => (o.kind === "told" ? [o.message] : []));
  const all: Finding[] = [
    {
      kind: "unreadable",
      severity: "serious",
      count: unreadable.size,
      sentence: `${unreadable.size.toLocaleString("en")} of ${counted(length, "image")} cannot be read.`,
      advice: sentence`Restore or remove what is listed: training stops before its first step unless told to skip them (${setting("onBadImage", "skip").of("train")}).`,
      groups: alone(unreadable.keys()),
      remarks: unreadable,
    },
    {
      kind: "refused",
      severity: "serious",
      count: refused.length,
      sentence: sentence`${counted(refused.length, "folder or part", "folders or parts")} cannot be used: ${messages(oddities)}`,
      advice: "Training refuses the data until that is fixed.",
      groups: [],
      names: refused,
    },
    {
      kind: "damaged",
      severity: "warning",
      count: damaged.length,
      sentence: `${counted(damaged.length, "image")} ${damaged.length === 1 ? "has" : "have"} errors inside the data: a part of the image may be missing or grey.`,
      advice: "Look at each and restore what is damaged; training uses such images as they are.",
      groups: alone(damaged),
    },
    {
      kind: "misnamed",
      severity: "warning",
      count: misnamed.length,
      sentence: `${counted(misnamed.length, "image")} ${misnamed.length === 1 ? "is" : "are"} in another format than the file extension says; the formats found are ${[...formats.keys()].sort().join(", ")}.`,
      advice:
        "Rename them to match their content: training goes by the content, but other programs may go by the name.",
      groups: alone(misnamed),
      remarks: new Map(misnamed.map((i) => [i, describe(i)])),
    },
    {
      kind: "unlisted",
      severity: "warning",
      count: unlisted.length,
      sentence: `${counted(unlisted.length, "file")} ${unlisted.length === 1 ? "holds an image, but has" : "hold images, but have"} no image's name, so nothing reads ${unlisted.length === 1 ? "it" : "them"}.`,
      advice: "Add the extension of the format, such as .jpg, or move the file away.",
      groups: [],
      names: unlisted,
    },
    {
      kind: "unread",
      severity: 10 * unread.length >= length ? "serious" : "warning",
      count: unread.length,
      sentence: `${counted(unread.length, "image")} ${unread.length === 1 ? "is" : "are"} of a format that is not read here (${unreadFormats(oddities)}), so nothing learns from ${unread.length === 1 ? "it" : "them"}.`,
      advice: `${howToConvert(
        extname(unread[0] ?? "")
          .slice(1)
          .toLowerCase(),
      )}.`,
      groups: [],
      names: unread,
    },
    ...unlabelled.map(
      (message): Finding => ({
        kind: "unlabelled",
        severity: parts.length > 1 ? "warning" : "serious",
        count: 1,
        sentence: sentence`A part has no labels, so that nothing can be learnt from it or measured on it: ${message}`,
        advice:
          parts.length > 1
            ? "Training ignores it and measures on the other part."
            : "Training holds out a share to measure on instead, or refuses the data if it cannot.",
        groups: [],
      }),
    ),
    ...told.map(
      (message): Finding => ({
        kind: "told",
        severity: "warning",
        count: 1,
        sentence: message,
        advice: "Training reports this too before it starts.",
        groups: [],
      }),
    ),
    {
      kind: "ignored",
      severity: "note",
      count: ignored.length,
      sentence: `${counted(ignored.length, "file")} among the images ${ignored.length === 1 ? "is" : "are"} no image.`,
      advice: "They are ignored, which is harmless.",
      groups: [],
      names: ignored,
    },
  ];
  return all.filter(({ count }) => count > 0);
};

const unreadFormats = (oddities: readonly Oddity[]): string =>
  [...new Set(oddities.flatMap((o) => (o.kind === "unread" ? [o.format] : [])))].sort().join(", ");

const paths = (oddities: readonly Oddity[], kind: Oddity["kind"]): string[] =>
  oddities
    .filter((o) => o.kind === kind)
    .map((o) => o.path)
    .sort();

function messages(oddities: readonly Oddity[]): Message {
  const all = oddities.flatMap((o) => (o.kind === "refused" ? [o.message] : []));
  return all.length > 1 ? sentence`${all[0]} (The others are listed.)` : (all[0] ?? "");
}
