/** Copies: the same picture in two parts, under two classes, or twice in one place. */
import { type Check, counted, type Finding } from "../finding.js";
import type { Survey } from "../survey.js";

export const checkCopies: Check = (survey) => {
  const { copies } = survey;
  const findings = [...leakage(survey), ...conflicts(survey), ...duplicates(survey)];
  if (!copies.complete)
    findings.push({
      kind: "crowded",
      severity: "note",
      count: 0,
      sentence:
        "So many images resemble each other that not all pairs could be compared; some duplicates may be missing.",
      advice: "Remove the ones found and check again.",
      groups: [],
    });
  return findings;
};

/** Images of a part that are also in an earlier one. */
function leakage(survey: Survey): Finding[] {
  const { parts, copies } = survey;
  const findings: Finding[] = [];
  for (let to = 1; to < parts.length; to++) {
    for (let from = 0; from < to; from++) {
      const groups: number[][] = [];
      let exact = 0;
      let near = 0;
      for (const group of copies.groups) {
        const known = group.filter((i) => survey.part(i) === from);
        const leaked = group.filter((i) => survey.part(i) === to);
        if (known.length === 0 || leaked.length === 0) continue;
        groups.push([...known, ...leaked]);
        const digests = new Set(known.map(survey.digest));
        const same = leaked.filter((i) => digests.has(survey.digest(i))).length;
        exact += same;
        near += leaked.length - same;
      }
      if (groups.length === 0) continue;
      const [a, b] = [parts[from].name, parts[to].name];
      findings.push({
        kind: "leakage",
        severity: "serious",
        count: exact + near,
        sentence: `${(exact + near).toLocaleString("en")} of the ${counted(parts[to].length, "image")} of ${b} also ${exact + near === 1 ? "stands" : "stand"} in ${a}: ${exactAndNear(exact, near)}.`,
        advice: `Remove them from ${b}, or from ${a}: accuracy on memorised images says little about others.`,
        groups,
      });
    }
  }
  return findings;
}

function conflicts(survey: Survey): Finding[] {
  const groups = survey.copies.groups.filter((group) => new Set(group.map(survey.label)).size > 1);
  if (groups.length === 0) return [];
  const exact = groups.some((group) => {
    const labels = new Map<string | undefined, number>();
    return group.some((i) => {
      const known = labels.get(survey.digest(i));
      labels.set(survey.digest(i), survey.label(i));
      return known !== undefined && known !== survey.label(i);
    });
  });
  return [
    {
      kind: "conflict",
      severity: exact ? "serious" : "warning",
      count: groups.length,
      sentence: `${counted(groups.length, "picture")} ${groups.length === 1 ? "stands" : "stand"} under more than one class.`,
      advice: "Choose one class for each: a model cannot learn both.",
      groups,
    },
  ];
}

/** Copies within one part and one class. */
function duplicates(survey: Survey): Finding[] {
  const groups: number[][] = [];
  let exact = 0;
  let near = 0;
  for (const group of survey.copies.groups) {
    const byPlace = new Map<string, number[]>();
    for (const i of group) {
      const place = `${survey.part(i)} ${survey.label(i)}`;
      byPlace.set(place, [...(byPlace.get(place) ?? []), i]);
    }
    for (const members of byPlace.values()) {
      if (members.length < 2) continue;
      groups.push(members);
      const distinct = new Set(members.map(survey.digest)).size;
      exact += members.length - distinct;
      near += distinct - 1;
    }
  }
  if (groups.length === 0) return [];
  return [
    {
      kind: "duplicate",
      severity: "warning",
      count: exact + near,
      sentence: `${counted(exact + near, "image")} ${exact + near === 1 ? "repeats another" : "repeat others"} of the same class and part: ${exactAndNear(exact, near)}.`,
      advice: "Keep one of each: duplicates weigh more than the rest, and a random split would put them on both sides.",
      groups,
    },
  ];
}

function exactAndNear(exact: number, near: number): string {
  const parts = [
    ...(exact > 0 ? [`${exact.toLocaleString("en")} byte for byte`] : []),
    ...(near > 0 ? [`${near.toLocaleString("en")} nearly (re-encoded, resized, mirrored or a narrow crop)`] : []),
  ];
  return parts.join(", ");
}
