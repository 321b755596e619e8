import fc from "fast-check";
import { DOMParser } from "linkedom";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { labelSides, spread } from "./labels.js";
import { type Chart, chartPng, drawChart } from "./plot.js";
import { palettes, withColors } from "./plot-colors.js";

const curve = (name: string, ...values: number[]) => ({ name, points: values.map((y, x) => ({ x, y })) });
const charts: readonly Chart[] = [
  {
    kind: "lines",
    title: `Loss < 1 & "more"`,
    note: "one & all",
    x: { label: "epoch" },
    y: { label: "loss" },
    series: [curve("train <x>", 3, 2, 1), curve("test", 3, Number.NaN, 1.5)],
  },
  {
    kind: "scatter",
    title: "Speed",
    x: { label: "images/s", scale: "log" },
    y: { label: "top-1 (%)" },
    points: [
      { x: 100, y: 80, label: "a", group: "DeiT" },
      { x: 1000, y: 72, label: "b", group: "DeiT", deviation: 1 },
    ],
  },
  {
    kind: "bars",
    title: "Methods",
    x: { label: "top-1 (%)" },
    bars: [
      { label: "none", value: 70, deviation: 1 },
      { label: "none", value: 71 },
      { label: "diverged", value: Number.NaN },
    ],
  },
];

const texts = (svg: string): string[] => {
  const document = new DOMParser().parseFromString(svg, "image/svg+xml");
  return [...document.querySelectorAll("text")].map((t) => String(t.textContent));
};

describe("charts", () => {
  it.each(charts)("$kind: an SVG with its names and without NaN, which librsvg draws", async (chart) => {
    const svg = drawChart(chart);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(texts(svg)).toContain(chart.title);
    const { data, info } = await sharp(await chartPng(svg))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info.width).toBe(1280);
    expect(new Set(data).size).toBeGreaterThan(20);
  });
  it("labels series at the end of their curves, and points next to them", () => {
    expect(texts(drawChart(charts[0]))).toEqual(expect.arrayContaining(["train <x>", "test", "one & all", "↑ loss"]));
    expect(texts(drawChart(charts[1]))).toEqual(expect.arrayContaining(["a", "b", "images/s →"]));
  });
  it("writes values and deviations at the bars, and a dash if there is no value", () => {
    expect(texts(drawChart(charts[2]))).toEqual(expect.arrayContaining(["70.00 ± 1.00", "71.00", "–"]));
  });
  it("draws empty data without an error", () => {
    expect(texts(drawChart({ ...charts[0], series: [] } as Chart))).toContain("epoch →");
    expect(texts(drawChart({ ...charts[1], points: [] } as Chart))).toContain("Speed");
    expect(texts(drawChart({ ...charts[2], bars: [] } as Chart))).toContain("Methods");
  });
  it("draws a single point of a curve and a single bar", () => {
    expect(drawChart({ ...charts[0], series: [curve("one", 5)] } as Chart)).not.toContain("NaN");
    expect(drawChart({ ...charts[2], bars: [{ label: "zero", value: 0 }] } as Chart)).not.toContain("NaN");
  });
  it("is the same every time", () => {
    expect(drawChart(charts[1])).toBe(drawChart(charts[1]));
  });
  it("has colours as variables, written out for programs without support for them", () => {
    const svg = drawChart(charts[0]);
    expect(svg).toContain("var(--plot-2)");
    const dark = withColors(svg, "dark");
    expect(dark).not.toMatch(/var\(|currentColor|<style/);
    expect(dark).toContain(palettes.dark.series[1]);
  });
});

describe("labels", () => {
  const wanted = fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { maxLength: 12 });
  it("stay in order when spread, at least a gap apart and in the frame", () => {
    fc.assert(
      fc.property(wanted, (at) => {
        const placed = spread(at, 15, 0, 300);
        const order = [...at.keys()].sort((a, b) => at[a] - at[b]);
        order.forEach((i, k) => {
          if (k > 0) expect(placed[i] - placed[order[k - 1]]).toBeGreaterThanOrEqual(15 - 1e-9);
          expect(placed[i]).toBeGreaterThanOrEqual(-1e-9);
          expect(placed[i]).toBeLessThanOrEqual(300 + 1e-9);
        });
      }),
    );
  });
  it("keep the desired positions when there is room", () => {
    expect(spread([100, 20, 60], 15, 0, 300)).toEqual([100, 20, 60]);
  });
  it("go to the other side of a point at the edge, and past a neighbour", () => {
    const frame = { left: 0, right: 200, top: 0, bottom: 100 };
    expect(labelSides([{ x: 195, y: 50, label: "model" }], frame)).toEqual(["left"]);
    const sides = labelSides(
      [
        { x: 60, y: 50, label: "model" },
        { x: 75, y: 50, label: "other" },
      ],
      frame,
    );
    expect(sides).toEqual(["left", "right"]);
  });
});
