/** A report of the data doctor as JSON, and as text for a terminal. */
import { quoted } from "../../errors/quoted.js";
import { type Message, sentence, setting, way } from "../../errors/sentence.js";
import type { CheckReport } from "./check.js";
import { classSizes } from "./checks/classes.js";
import { counted, type Finding } from "./finding.js";
import type { Survey } from "./survey.js";

/** All findings, as plain data. */
export function toJson({ path, survey, findings, seconds }: CheckReport): Record<string, unknown> {
  const sizes = classSizes(survey);
  return {
    path,
    images: survey.length,
    parts: survey.parts.map(({ name, length }) => ({ name, images: length })),
    classes: survey.classes.map((name, c) => ({
      name,
      images: Object.fromEntries(survey.parts.map((part, p) => [part.name, sizes[p][c]])),
    })),
    findings: findings.map(({ kind, severity, count, sentence, advice, groups, remarks, names }) => ({
      ...{ kind, severity, count, sentence, advice },
      groups: groups.map((group) => group.map((i) => ({ image: survey.describe(i), remark: remarks?.get(i) }))),
      names: names ?? [],
    })),
    seconds: Number(seconds.toFixed(2)),
  };
}

/** Number of examples shown for each finding. */
const examples = 5;

/** Lines for a terminal: an overview, then each finding with its advice and some examples. */
export function toLines({ path, survey, findings, seconds }: CheckReport): Message[] {
  const { length, parts, classes } = survey;
  const each = parts.map((p) => `${p.name} ${p.length.toLocaleString("en")}`).join(", ");
  return [
    `${path}: ${counted(length, "image")} in ${counted(classes.length, "class")} (${each}), checked in ${seconds.toFixed(1)} s`,
    ...findings.flatMap((finding) => [
      "",
      sentence`${finding.severity}: ${finding.sentence}`,
      sentence`  ${finding.advice}`,
      ...exampleLines(finding, survey).map((line) => sentence`    ${line}`),
    ]),
    ...(findings.some((f) => f.severity !== "note") ? [] : ["", "No problems were found."]),
  ];
}

function exampleLines({ severity, groups, remarks, names = [] }: Finding, { describe }: Survey): Message[] {
  if (severity === "note") return [];
  const lines = [
    ...groups.slice(0, examples).map((group) => {
      const shown = group.slice(0, examples).map((i) => {
        const remark = remarks?.get(i);
        // A remark that is a sentence already names the file.
        return remark?.includes(describe(i)) ? remark : `${named(describe(i))}${remark ? `: ${remark}` : ""}`;
      });
      return shown.join(" = ") + (group.length > examples ? ` = … (${group.length} in all)` : "");
    }),
    ...names.slice(0, examples).map(named),
  ];
  const more = groups.length + names.length - lines.length;
  return more > 0
    ? [...lines, sentence`… and ${more.toLocaleString("en")} more${way`: ${setting("json")} lists all`}`]
    : lines;
}

/** A name unchanged if that is safe, otherwise quoted and escaped. */
const named = (name: string): string => (/^[\p{L}\p{N}\p{M}\p{P}\p{S}]+$/u.test(name) ? name : longQuoted(name));

/** Quoted in pieces, so that nothing is truncated. */
const longQuoted = (name: string): string =>
  `"${(name.match(/.{1,80}/gsu) ?? []).map((piece) => quoted(piece).slice(1, -1)).join("")}"`;
