import { describe, expect, it } from "vitest";
import type { Decisions } from "../evaluation/decisions.js";
import { parseRecipe } from "../training/recipe/recipe.js";
import type { LogLine } from "../training/run-folder/log-schema.js";
import type { RunSummary } from "../training/run-folder/summary.js";
import { overlay } from "./attention-picture.js";
import type { Picture } from "./page.js";
import type { ReportedRun } from "./reported-run.js";
import type { Example, RunInspection } from "./run-inspection.js";
import { runPage } from "./run-page.js";
import { wilsonInterval } from "./verdict.js";

const time = "2026-01-02T03:04:05.000Z";
const epoch = (n: number, top1: number): Extract<LogLine, { kind: "epoch" }> => ({
  ...{ time, kind: "epoch", epoch: n, step: 10 * n, lr: 1e-3 / n, trainLoss: 2 / n, trainTop1: 30 * n },
  ...{ test: { top1, top5: 99, loss: 1 / n, images: 4 }, imagesPerSecond: 100, loaderWait: 0, checkpointWait: 0 },
  seconds: 3700,
});

function summary(folder: string, name: string, settings: object = {}): RunSummary {
  const epochs = [epoch(1, 25), epoch(2, 50)];
  const log: LogLine[] = [...epochs, { time, kind: "warning", message: name }];
  return {
    ...{ folder, state: "finished", log, epochs, done: 2, best: epochs[1], lastSign: new Date(time), seconds: 7400 },
    recipe: parseRecipe({ about: name, ...settings }),
    manifest: {
      ...{ format: 1, deit: "0", began: time, data: name, dataset: "0".repeat(64), images: 8, classes: 3 },
      ...{ onBadImage: "stop", precision: "float32" },
      engine: { engine: "onnx", platform: "cpu", version: "1", devices: 1 },
    },
  };
}

const decisions: Decisions = {
  classes: 3,
  labels: Int32Array.of(0, 0, 1, 1),
  decided: Int32Array.of(0, 1, 0, 1),
  confidence: Float32Array.of(0.9, 0.8, 0.7, 0.6),
  truth: Float32Array.of(0.9, 0.1, 0.2, 0.6),
};

function inspection(name: string): RunInspection {
  const picture: Picture = { bytes: Uint8Array.of(1, 2), type: "image/webp", width: 32, height: 32 };
  const example: Example = {
    ...{ name, label: 0, decided: 1, confidence: 0.8, truth: 0.1, picture, attention: [{ token: "class", picture }] },
  };
  return { classes: [name, "b", "c"], decisions, hardest: [example], surestMistakes: [example] };
}

const one = (name: string): ReportedRun[] => [{ run: summary(name, name), inspection: inspection(name) }];
const two = (name: string): ReportedRun[] => [
  ...one(name),
  { run: summary("runs/other", name, { lr: 1 }), notInspected: name },
];

const hostile = [
  `<script>alert(1)</script>.jpg`,
  `" onerror="alert(1)`,
  `' style='x`,
  `</style></svg><img src=x onerror=alert(1)>`,
  `]]>&lt;!--`,
  `\u202egpj.exe`,
];

/** Names of the tags in order, with their attributes' names, without style sheets and text. */
function tagsOf(document: string): string[] {
  return [...document.replace(/<style>.*?<\/style>/gs, "").matchAll(/<[^>]*>/g)].map(([tag]) =>
    tag.replace(/"[^"]*"/g, '""'),
  );
}

const empty = new Set(["!doctype", "meta", "img", "br"]);

/** The first closing tag that does not match the open one; undefined if all match. */
function misplaced(document: string): string | undefined {
  const open: string[] = [];
  for (const tag of tagsOf(document)) {
    const name = tag.match(/^<\/?([!\w]+)/)?.[1] ?? tag;
    if (tag.startsWith("</")) {
      if (open.pop() !== name) return tag;
    } else if (!empty.has(name) && !tag.endsWith("/>")) open.push(name);
  }
  return open.at(-1);
}

describe.each([
  ["one run", one],
  ["two runs", two],
])("the page of %s", (_, runs) => {
  it("is well-formed and has no external references", () => {
    const document = runPage(runs("plain"));
    expect(misplaced(document)).toBeUndefined();
    const text = document.replaceAll('xmlns="http://www.w3.org/2000/svg"', "");
    expect(text).not.toMatch(/https?:|<script|<link|<iframe|url\((?!#)|@import|\son\w+=/);
    for (const [, address] of text.matchAll(/(?:src|href)="([^"]*)"/g)) expect(address).toMatch(/^(#|data:image\/)/);
    const ids = [...text.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of text.matchAll(/href="#([^"]*)"/g)) expect(ids).toContain(id);
  });
  it("has the same markup whatever classes, files and folders are called", () => {
    for (const name of hostile) {
      const document = runPage(runs(name));
      expect(misplaced(document), name).toBeUndefined();
      expect(tagsOf(document).filter((t) => !/<\/?(g|path|text|line)\b/.test(t))).toEqual(
        tagsOf(runPage(runs("plain"))).filter((t) => !/<\/?(g|path|text|line)\b/.test(t)),
      );
      expect(document).not.toMatch(/<script|<img src=x/);
    }
  });
  it("has all sections", () => {
    const document = runPage(runs("plain"));
    for (const id of ["curves", "confusions", "mistakes", "hardest", "classes", "calibration", "recipe", "environment"])
      expect(document).toContain(`<section id="${id}"`);
    expect(document).toContain("attention rollout");
  });
});

it("opens with the correct images, the interval and the chance level", () => {
  const document = runPage(one("plain"));
  // Wilson's interval of 2 of 4, as statsmodels' proportion_confint(2, 4, method="wilson"): 0.1500 to 0.8500.
  expect(document).toContain(
    "2 of 4 test images right (50.0\u00a0%, 95\u00a0% interval 15.0 to 85.0\u00a0%); chance 33.3\u00a0%.",
  );
  expect(document).toContain(">chance<");
  // With three classes, top-5 is always right.
  expect(document).not.toContain("Top-5");
});

it.each([
  [71, 100, 0.6146, 0.7899],
  [0, 20, 0, 0.1611],
  [20, 20, 0.8389, 1],
  [1, 1, 0.2065, 1],
])("Wilson's interval of %i of %i", (right, images, low, high) => {
  const [a, b] = wilsonInterval(right, images);
  expect(a).toBeCloseTo(low, 4);
  expect(b).toBeCloseTo(high, 4);
});

it("compares runs with accuracy next to the name", () => {
  const heads = [...runPage(two("plain")).matchAll(/<th scope="col"[^>]*>([^<]*)<\/th>/g)].map(([, title]) => title);
  const at = heads.indexOf("Run");
  expect(heads.slice(at, at + 2)).toEqual(["Run", "Top-1"]);
});

it("renders backticks of a recipe's text as code", () => {
  const document = runPage(one("a `distilled` recipe"));
  expect(document).toContain("<p>a <code>distilled</code> recipe</p>");
});

it("shows where runs differ, and why one was not inspected", () => {
  const document = runPage([
    ...one("runs/a"),
    { run: summary("runs/b", "d", { lr: 0.125 }), notInspected: "moved away" },
  ]);
  expect(document).toMatch(/Settings that differ.*?<code>lr<\/code><\/td><td>0\.0005<\/td><td>0\.125<\/td>/s);
  expect(document).toContain("b: moved away");
});

describe("attention over an image", () => {
  it("is a heatmap over the image in grey: yellow for most attention, violet for least", () => {
    const grey = { width: 8, height: 8, data: new Uint8Array(8 * 8 * 3).fill(100) };
    const { data } = overlay(grey, Float32Array.of(0.7, 0.2, 0.05, 0.05), [2, 2]);
    const at = (x: number, y: number) => [...data.subarray((y * 8 + x) * 3, (y * 8 + x) * 3 + 3)];
    // 0.6 of inferno's end colours and 0.4 of grey 100.
    expect(at(0, 0)).toEqual([191, 193, 138]);
    expect(at(0, 7)).toEqual([40, 40, 42]);
    expect(at(7, 7)).toEqual(at(0, 7));
    expect(at(7, 0)[0]).toBeGreaterThan(at(7, 7)[0]);
  });
  it("is uniform if all patches get the same attention", () => {
    const grey = { width: 4, height: 4, data: new Uint8Array(4 * 4 * 3).fill(50) };
    expect(new Set(overlay(grey, new Float32Array(4).fill(0.25), [2, 2]).data).size).toBeLessThan(3);
  });
});
