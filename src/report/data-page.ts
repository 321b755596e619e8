/** The page of the data doctor: the findings, with pictures. One file, limited in size whatever the data. */
import { availableParallelism } from "node:os";
import { relative } from "node:path";
import type { CheckReport } from "../data/check/check.js";
import { medianOf } from "../data/check/checks/pictures.js";
import { counted, type Finding } from "../data/check/finding.js";
import { distance, mirrored } from "../data/check/fingerprint.js";
import type { Survey } from "../data/check/survey.js";
import { InterruptedError } from "../errors/errors.js";
import { writeFileAtomic } from "../system/files/atomic-file.js";
import { classTable, sizeTables } from "./data-tables.js";
import { type Content, type Html, html } from "./html.js";
import { details, gallery, group, notice, type PageSection, type Picture, page, thumbnail, tiles } from "./page.js";
import { samplePicture } from "./pictures.js";

/** Maximum groups of a finding that are shown with pictures, and pictures per group. */
const mostGroups = 24;
const mostMembers = 4;

/** Maximum names of a finding that are listed. */
const mostNames = 500;

/** Number of classes with examples, and examples of each. */
const shownClasses = 12;
const shownExamples = 4;

type Pictures = ReadonlyMap<number, Picture | undefined>;

/** Writes the page of a report; pictures are reread from the data. */
export async function writeDataPage(file: string, report: CheckReport, signal?: AbortSignal): Promise<void> {
  const examples = exampleImages(report.survey);
  const wanted = new Set([...report.findings.flatMap(shown).flat(), ...examples.flat()]);
  const pictures = await picturesOf(report.survey, wanted, signal);
  await writeFileAtomic(file, dataPage(report, pictures, examples));
}

/** The page itself. `pictures` are those available, by image. */
function dataPage(report: CheckReport, pictures: Pictures, examples: readonly (readonly number[])[]): string {
  const { path, survey, findings, seconds } = report;
  const { length, parts, classes, widths, heights, unreadable } = survey;
  const readable = Array.from({ length }, (_, i) => i).filter((i) => !unreadable.has(i));
  const median = (values: Uint32Array) => (readable.length ? medianOf(readable.map((i) => values[i])) : 0);
  const telling = findings.filter((f) => f.severity !== "note");
  const number = (n: number) => n.toLocaleString("en");
  const summary = [
    tiles([
      { label: "Images", value: number(length), note: parts.map((p) => `${p.name} ${number(p.length)}`).join(", ") },
      { label: "Classes", value: number(classes.length) },
      { label: "Median size", value: `${median(widths)}×${median(heights)}`, note: "pixels" },
      { label: "Serious", value: number(findings.filter((f) => f.severity === "serious").length), note: "findings" },
      { label: "Warnings", value: number(findings.filter((f) => f.severity === "warning").length) },
    ]),
    telling.length === 0 ? notice("good", "No problems were found.") : "",
    telling.map((finding, i) => notice(finding.severity, summaryOf(finding, i))),
  ];
  const sections: PageSection[] = [
    ...telling.flatMap((finding, i) => findingSection(finding, i, report, pictures)),
    ...noteSection(report, pictures),
    ...(length === 0 ? [] : [{ id: "classes", title: "Classes", body: classTable(survey) }]),
    ...(readable.length === 0 ? [] : [{ id: "sizes", title: "Sizes", body: sizeTables(survey, readable) }]),
    ...(examples.length === 0
      ? []
      : [{ id: "examples", title: "Examples", body: exampleGallery(examples, report, pictures) }]),
  ];
  return page({
    title: `Data check of ${path}`,
    lead: `${counted(length, "image")} in ${counted(classes.length, "class")}, every file read in full (${seconds.toFixed(1)} s).`,
    summary,
    sections,
    footer: html`Made by <code>deit data check</code>. Images are part of this file; nothing is loaded from elsewhere.`,
  });
}

/** Whether there is more to show than the sentence and the advice. */
const hasMore = ({ groups, names = [] }: Finding): boolean => groups.length > 0 || names.length > 0;

/** The sentence with a link to its section; with the advice if there is no section. */
function summaryOf(finding: Finding, index: number): Content {
  const { sentence, advice, kind } = finding;
  return hasMore(finding)
    ? [sentence, " ", html`<a href="#${anchor(index)}">${titles[kind]}</a>`]
    : [sentence, " ", advice];
}

const anchor = (index: number): string => `finding-${index + 1}`;

const titles: Readonly<Record<Finding["kind"], string>> = {
  unreadable: "Unreadable",
  refused: "Refused folders and parts",
  damaged: "Damaged",
  misnamed: "Other format than named",
  unlisted: "Images without an image's name",
  unread: "Images of other formats",
  unlabelled: "Parts without labels",
  told: "What training says",
  ignored: "Ignored files",
  emptyClass: "Empty classes",
  missingClass: "Missing classes",
  smallClass: "Small classes",
  imbalance: "Imbalance",
  fewImages: "Few images",
  leakage: "Leakage",
  conflict: "Conflicting labels",
  duplicate: "Copies",
  crowded: "Incomplete search",
  blank: "Blank",
  tiny: "Tiny",
  elongated: "Elongated",
  huge: "Huge",
  lowResolution: "Low resolution",
  trait: "Properties",
};

function findingSection(finding: Finding, index: number, report: CheckReport, pictures: Pictures): PageSection[] {
  if (!hasMore(finding)) return [];
  const body = [html`<p>${finding.sentence} ${finding.advice}</p>`, evidence(finding, report, pictures)];
  return [{ id: anchor(index), title: titles[finding.kind], body }];
}

/** All notes, in one section. */
function noteSection(report: CheckReport, pictures: Pictures): PageSection[] {
  const notes = report.findings.filter((f) => f.severity === "note");
  if (notes.length === 0) return [];
  const one = (note: Finding) => [
    html`<p>${note.sentence} ${note.advice}</p>`,
    hasMore(note) ? details("Which", evidence(note, report, pictures)) : "",
  ];
  return [{ id: "notes", title: "Good to know", body: notes.map(one) }];
}

/** The pictures and names of a finding. */
function evidence(finding: Finding, report: CheckReport, pictures: Pictures): Content {
  const { groups, names = [] } = finding;
  const hidden = Math.max(0, groups.length - mostGroups);
  return [
    groups.length === 0 ? "" : gallery(groups.slice(0, mostGroups).map((g) => groupOf(g, finding, report, pictures))),
    hidden > 0 ? html`<p>${hidden.toLocaleString("en")} more are listed in the report as JSON.</p>` : "",
    names.length === 0 ? "" : nameList(names.map((name) => shortName(name, report))),
  ];
}

function groupOf(members: readonly number[], { remarks }: Finding, report: CheckReport, pictures: Pictures): Html {
  const { survey } = report;
  const [first, ...others] = members.slice(0, mostMembers);
  const one = (i: number, relation?: string) =>
    thumbnail({
      picture: pictures.get(i),
      alt: `Image ${shortName(survey.describe(i), report)}`,
      caption: [
        html`<b>${survey.parts.length > 1 ? `${survey.parts[survey.part(i)].name} · ` : ""}${survey.classes[survey.label(i)]}</b><br>`,
        shortName(survey.describe(i), report),
        remarkOf(remarks?.get(i), survey.describe(i)),
        relation === undefined ? "" : html`<br>${relation}`,
      ],
    });
  if (members.length === 1) return one(first);
  const rest = members.length - mostMembers;
  return group(
    [
      one(first),
      others.map((i) => one(i, relationOf(first, i, survey))),
      rest > 0 ? html`<p>and ${rest.toLocaleString("en")} more</p>` : "",
    ],
    `${members.length} copies`,
  );
}

/** A remark without the file's name, which is shown above it. */
function remarkOf(remark: string | undefined, name: string): Content {
  if (remark === undefined || remark === name) return "";
  return html`<br>${remark.replace(`"${name}" `, "").replace(/; (restore|remove|scale).*$/s, "")}`;
}

/** How a copy differs from the first of its group. */
function relationOf(first: number, other: number, survey: Survey): string {
  if (survey.digest(first) === survey.digest(other)) return "the same bytes";
  const [a, b] = [survey.fingerprint(first), survey.fingerprint(other)];
  if (!a || !b) return "";
  const [plain, turned] = [distance(a, b), distance(mirrored(a), b)];
  const apart = `${Math.round(100 * Math.min(plain, turned))} % apart`;
  return turned < plain ? `mirrored, ${apart}` : apart;
}

function nameList(names: readonly string[]): Html {
  const items = names.slice(0, mostNames).map((name) => html`<li><code>${name}</code></li>`);
  const rest = names.length - mostNames;
  const list = html`<ul>${items}</ul>${rest > 0 ? html`<p>and ${rest.toLocaleString("en")} more</p>` : ""}`;
  return names.length <= 12 ? list : details(`All ${names.length.toLocaleString("en")} names`, list);
}

/** A path relative to the checked folder. */
function shortName(name: string, { path }: CheckReport): string {
  const inside = relative(path, name);
  return name.startsWith(path) && inside !== "" ? inside : name;
}

/** The images of a finding that are shown. */
function shown({ groups }: Finding): number[][] {
  return groups.slice(0, mostGroups).map((group) => group.slice(0, mostMembers));
}

/** Readable images of some classes, evenly spread over the list of classes and over each class. */
function exampleImages({ length, classes, label, unreadable }: Survey): number[][] {
  const step = Math.max(1, classes.length / shownClasses);
  const chosen = new Set(
    Array.from({ length: Math.min(shownClasses, classes.length) }, (_, i) => Math.floor(i * step)),
  );
  const members = new Map<number, number[]>([...chosen].map((c) => [c, []]));
  for (let i = 0; i < length; i++) if (!unreadable.has(i)) members.get(label(i))?.push(i);
  return [...members.values()]
    .filter((all) => all.length > 0)
    .map((all) => {
      const apart = Math.max(1, all.length / shownExamples);
      return Array.from({ length: Math.min(shownExamples, all.length) }, (_, i) => all[Math.floor(i * apart)]);
    });
}

function exampleGallery(examples: readonly (readonly number[])[], report: CheckReport, pictures: Pictures): Html {
  const { survey } = report;
  return gallery(
    examples.map((images) => {
      const name = survey.classes[survey.label(images[0])];
      const shots = images.map((i) =>
        thumbnail({ picture: pictures.get(i), alt: `Example of ${name}: ${shortName(survey.describe(i), report)}` }),
      );
      return group([html`<h3>${name}</h3>`, shots], `Examples of ${name}`);
    }),
  );
}

async function picturesOf(survey: Survey, wanted: ReadonlySet<number>, signal?: AbortSignal): Promise<Pictures> {
  const pictures = new Map<number, Picture | undefined>();
  const queue = [...wanted];
  const work = async () => {
    for (let i = queue.pop(); i !== undefined; i = queue.pop()) {
      if (signal?.aborted) throw new InterruptedError("The check was interrupted; no page was written.");
      const picture = () => samplePicture(survey.source(i));
      pictures.set(i, survey.unreadable.has(i) ? undefined : await survey.whileHere([i], picture));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return pictures;
}
