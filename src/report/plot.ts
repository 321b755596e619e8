/** Plots as SVG, made without a browser: curves, scatters with labels, bars with deviations; optionally as PNG. */
import * as Plot from "@observablehq/plot";
import { DOMParser } from "linkedom";
import sharp from "sharp";
import { labelSides, spread, textWidth } from "./labels.js";
import { ink, palettes, paper, plotStyle, seriesColor, type Theme, withColors } from "./plot-colors.js";
import { rangeOf } from "./range.js";

export interface Axis {
  readonly label: string;
  readonly scale?: "linear" | "log";
  /** Default: from the data. */
  readonly domain?: readonly [number, number];
}

/** A curve with its name. */
export interface Series {
  readonly name: string;
  /** `deviation` draws a band of that height on both sides. Points with NaN values are omitted. */
  readonly points: readonly { readonly x: number; readonly y: number; readonly deviation?: number }[];
}

interface Frame {
  readonly title: string;
  /** A sentence below the plot: what was measured, on what. */
  readonly note?: string;
  /** In pixels. */
  readonly width?: number;
  readonly height?: number;
}

/** Curves over a common axis, each labelled at its end. */
export interface LineChart extends Frame {
  readonly kind: "lines";
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** Values of x to mark, with labels. */
  readonly marks?: readonly { readonly x: number; readonly label: string }[];
}

/** Labelled points; those of a group share a colour and are joined in order of x, as in figure 1 of the paper. */
export interface ScatterChart extends Frame {
  readonly kind: "scatter";
  readonly x: Axis;
  readonly y: Axis;
  readonly points: readonly {
    readonly x: number;
    readonly y: number;
    readonly label: string;
    readonly group?: string;
    /** Standard deviation of y, drawn as a whisker. */
    readonly deviation?: number;
  }[];
}

/** One horizontal bar per name, with the value at its end; bars of a group share a colour. */
export interface BarChart extends Frame {
  readonly kind: "bars";
  readonly x: Axis;
  readonly bars: readonly {
    readonly label: string;
    readonly value: number;
    readonly deviation?: number;
    readonly group?: string;
  }[];
  /** Text of a value (default: two decimals). */
  readonly format?: (value: number) => string;
}

export type Chart = LineChart | ScatterChart | BarChart;

/**
 * The chart as an SVG element, for a file or a page. Its colours are CSS variables (`--plot-ink`, `--plot-paper`,
 * `--plot-1` …) that follow the reader's light or dark setting, or the page's rule for `.deit-plot`.
 */
export function drawChart(chart: Chart): string {
  // An XML document applies XML escaping, also in attributes.
  const document = new DOMParser().parseFromString("<svg/>", "image/svg+xml");
  const { width = 640, height = chart.kind === "bars" ? barsHeight(chart) : 380 } = chart;
  const size = { width, height, ...margins(chart) };
  const options = chartOptions(chart, size);
  const svg = Plot.plot({
    ...size,
    document: document as unknown as Plot.PlotOptions["document"],
    ariaLabel: chart.title,
    ariaDescription: chart.note,
    style: { fontSize: "12px" },
    ...options,
    marks: [...frameMarks(chart, size), ...(options.marks ?? [])],
  }) as unknown as { outerHTML: string };
  return svg.outerHTML
    .replace(/<svg class="([^"]*)"|<svg /, '<svg xmlns="http://www.w3.org/2000/svg" ')
    .replace(/class="plot-\w+"/, 'class="deit-plot"')
    .replace(/<style>.*?<\/style>/s, `<style>${plotStyle}</style>`)
    .replace(/(?<= (?:d|[xy][12]?|transform)=")[^"]*/g, (numbers) =>
      numbers.replace(/\d+\.\d{3,}/g, (n) => String(Math.round(Number(n) * 100) / 100)),
    );
}

/** A chart's SVG as PNG, with `scale` pixels per SVG pixel. */
export async function chartPng(svg: string, theme: Theme = "light", scale = 2): Promise<Uint8Array> {
  return sharp(Buffer.from(withColors(svg, theme)), { density: 72 * scale })
    .flatten({ background: palettes[theme].paper })
    .png()
    .toBuffer();
}

interface Size {
  readonly width: number;
  readonly height: number;
  readonly marginTop: number;
  readonly marginRight: number;
  readonly marginBottom: number;
  readonly marginLeft: number;
}

const barsHeight = ({ bars, note }: BarChart): number => 78 + 26 * bars.length + (note ? 22 : 0);

function margins(chart: Chart) {
  const widest = (texts: readonly string[]) => Math.min(260, Math.max(0, ...texts.map((t) => textWidth(t))));
  return {
    marginTop: chart.kind === "bars" ? 36 : 56,
    marginBottom: chart.note ? 64 : 42,
    marginLeft: chart.kind === "bars" ? 18 + widest(chart.bars.map((b) => b.label)) : 56,
    marginRight:
      chart.kind === "lines" ? 24 + widest(chart.series.map((s) => s.name)) : chart.kind === "bars" ? 110 : 32,
  };
}

/** Title and axis names above, note below. */
function frameMarks(chart: Chart, { marginTop, marginLeft, marginBottom }: Size): Plot.Markish[] {
  const { title, note } = chart;
  const text = (value: string, options: Plot.TextOptions) =>
    Plot.text([value], { dx: 8 - marginLeft, textAnchor: "start", fill: ink, ...options });
  return [
    text(title, { frameAnchor: "top-left", dy: 8 - marginTop, lineAnchor: "top", fontSize: 15, fontWeight: 600 }),
    ...(chart.kind === "bars"
      ? []
      : [text(`↑ ${chart.y.label}`, { frameAnchor: "top-left", dy: -22, lineAnchor: "top" })]),
    Plot.text([`${chart.x.label} →`], {
      frameAnchor: "bottom-right",
      dy: 36,
      lineAnchor: "bottom",
      textAnchor: "end",
      fill: ink,
    }),
    ...(note
      ? [text(note, { frameAnchor: "bottom-left", dy: marginBottom - 8, lineAnchor: "bottom", fillOpacity: 0.7 })]
      : []),
  ];
}

function chartOptions(chart: Chart, size: Size): Plot.PlotOptions {
  switch (chart.kind) {
    case "lines":
      return lines(chart, size);
    case "scatter":
      return scatter(chart, size);
    case "bars":
      return bars(chart);
  }
}

const scaleOf = ({ scale = "linear", domain }: Axis, values: readonly number[]): Plot.ScaleOptions => ({
  label: null,
  type: scale,
  domain: domain ? [...domain] : around(values, scale),
  nice: domain === undefined && scale === "linear",
  grid: true,
  ...(scale === "log" ? { ticks: 5, ...(values.some((v) => v > 0 && v < 1e-3) ? { tickFormat: power } : {}) } : {}),
  // In decimal notation, small learning rates would not fit next to the plot.
  ...(scale === "linear" && values.length > 0 && values.every((v) => Math.abs(v) < 1e-3) ? { tickFormat: small } : {}),
});

/** Labels for powers of ten; other values have only a line. */
const power = (value: number): string =>
  /^1e/.test(value.toExponential()) ? value.toExponential().replace("+", "") : "";

const small = (value: number): string => (value === 0 ? "0" : Number(value.toPrecision(6)).toExponential());

/** The range of the values with a small margin. */
function around(values: readonly number[], scale: "linear" | "log"): [number, number] {
  const finite = values.filter((v) => Number.isFinite(v) && (scale === "linear" || v > 0));
  if (finite.length === 0) return scale === "log" ? [1, 10] : [0, 1];
  const [low, high] = rangeOf(finite);
  if (scale === "log") return [low / 1.15, high * 1.15];
  const air = 0.04 * (high - low) || Math.abs(high) * 0.05 || 0.5;
  // The margin does not extend an axis below zero.
  return [low >= 0 ? Math.max(0, low - air) : low - air, high + air];
}

/** Maps a scale to a pixel range of the plot. */
function pixels(scale: Plot.ScaleOptions, range: readonly [number, number]) {
  const { apply, invert } = Plot.scale({ y: { ...scale, range: [...range] } })!;
  return { apply: (v: number) => apply(v) as number, invert: (v: number) => invert!(v) as number };
}

function lines({ x, y, series, marks = [] }: LineChart, size: Size): Plot.PlotOptions {
  const rows = series.flatMap(({ points }, i) =>
    points
      .filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y))
      .map((p) => ({ ...p, series: i, low: p.y - (p.deviation ?? 0), high: p.y + (p.deviation ?? 0) })),
  );
  const across = rows.map((r) => r.x);
  const xScale = {
    ...scaleOf(x, across),
    nice: false,
    domain: x.domain ? [...x.domain] : extent(across),
    // Counts, such as epochs and layers, get whole-number ticks.
    ...(across.every(Number.isInteger) && x.scale !== "log"
      ? { ticks: wholeTicks(extent(across)), tickFormat: String }
      : {}),
  };
  const yScale = scaleOf(
    y,
    rows.flatMap((r) => [r.low, r.high]),
  );
  const within = ({ y: value }: { y: number }) => !y.domain || (value >= y.domain[0] && value <= y.domain[1]);
  const last = series.flatMap((_, i) => rows.findLast((r) => r.series === i && within(r)) ?? []);
  const vertical = pixels(yScale, [size.height - size.marginBottom, size.marginTop]);
  const at = spread(
    last.map((r) => vertical.apply(r.y)),
    15,
    size.marginTop,
    size.height - size.marginBottom,
  );
  const color = (r: { series: number }) => seriesColor(r.series);
  // If the axis range is given, values outside it are clipped.
  const clip = y.domain !== undefined;
  return {
    x: xScale,
    y: yScale,
    marks: [
      Plot.ruleX(marks, { x: "x", stroke: ink, strokeDasharray: "4 3" }),
      Plot.text(marks, {
        ...{
          x: "x",
          text: "label",
          frameAnchor: "top",
          dx: 6,
          dy: 2,
          lineAnchor: "top",
          textAnchor: "start",
          fill: ink,
        },
      }),
      Plot.areaY(
        rows.filter((r) => r.deviation !== undefined),
        { x: "x", y1: "low", y2: "high", z: "series", fill: color, fillOpacity: 0.15, clip },
      ),
      Plot.line(rows, { x: "x", y: "y", z: "series", stroke: color, strokeWidth: 2, clip }),
      // Curves with few points show them as dots.
      Plot.dot(
        rows.filter((r) => rows.filter((o) => o.series === r.series).length <= 16),
        { x: "x", y: "y", fill: color, r: 2.5, clip },
      ),
      Plot.text(last, {
        frameAnchor: "right",
        y: (_, i) => vertical.invert(at[i]),
        text: (r: { series: number }) => series[r.series].name,
        fill: color,
        dx: 8,
        textAnchor: "start",
        fontWeight: 600,
      }),
    ],
  };
}

/** At most ten integers over a range, with a round step. */
function wholeTicks([low, high]: readonly [number, number]): number[] {
  const atLeast = Math.max(1, (high - low) / 10);
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= atLeast - 1e-9)!;
  const first = Math.ceil(low / step) * step;
  return Array.from({ length: Math.floor((high - first) / step) + 1 }, (_, i) => first + i * step);
}

function extent(values: readonly number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  const [low, high] = rangeOf(values);
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

function scatter({ x, y, points }: ScatterChart, size: Size): Plot.PlotOptions {
  const groups = [...new Set(points.map((p) => p.group ?? ""))];
  const color = (p: { group?: string }) => seriesColor(groups.indexOf(p.group ?? ""));
  const rows = points.filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y)).sort((a, b) => a.x - b.x);
  const xScale = scaleOf(
    x,
    rows.map((p) => p.x),
  );
  const yScale = scaleOf(
    y,
    rows.flatMap(({ y, deviation = 0 }) => [y - deviation, y + deviation]),
  );
  const frame = {
    left: size.marginLeft,
    right: size.width,
    top: size.marginTop,
    bottom: size.height - size.marginBottom,
  };
  const across = pixels(xScale, [frame.left, size.width - size.marginRight]);
  const vertical = pixels(yScale, [frame.bottom, frame.top]);
  const sides = labelSides(
    rows.map((p) => ({ x: across.apply(p.x), y: vertical.apply(p.y), label: p.label })),
    frame,
  );
  const place = {
    right: { dx: 8, textAnchor: "start" },
    left: { dx: -8, textAnchor: "end" },
    above: { dy: -14 },
    below: { dy: 14 },
  } as const;
  const label = (side: keyof typeof place) =>
    Plot.text(
      rows.filter((_, i) => sides[i] === side),
      {
        ...{ x: "x", y: "y", text: "label", fill: color, stroke: paper, strokeWidth: 3, ...place[side] },
      },
    );
  return {
    x: xScale,
    y: yScale,
    marks: [
      Plot.line(
        rows.filter((p) => p.group !== undefined),
        { x: "x", y: "y", z: "group", stroke: color, strokeOpacity: 0.45, strokeWidth: 1.5 },
      ),
      Plot.ruleX(
        rows.filter((p) => p.deviation),
        { x: "x", y1: (p) => p.y - p.deviation, y2: (p) => p.y + p.deviation, stroke: color },
      ),
      Plot.dot(rows, { x: "x", y: "y", fill: color, stroke: paper, r: 5, title: (p) => `${p.label}: ${p.x}, ${p.y}` }),
      ...(["right", "left", "above", "below"] as const).map(label),
    ],
  };
}

function bars({ x, bars, format = (v) => v.toFixed(2) }: BarChart): Plot.PlotOptions {
  const groups = [...new Set(bars.map((b) => b.group ?? ""))];
  const color = (b: { group?: string }) => seriesColor(groups.indexOf(b.group ?? ""));
  // Names may be equal, so bars are positioned by index.
  const rows = bars.map((b, at) => ({
    ...b,
    at,
    low: b.value - (b.deviation ?? 0),
    high: b.value + (b.deviation ?? 0),
  }));
  const finite = rows.filter((r) => Number.isFinite(r.value));
  const start = x.domain?.[0] ?? 0;
  const ends = finite.flatMap((r) => [r.low, r.high, start]);
  return {
    x: { ...scaleOf(x, ends), domain: x.domain ? [...x.domain] : extent(ends), nice: x.domain === undefined },
    y: {
      domain: rows.map((r) => r.at),
      label: null,
      tickFormat: (at: number) => bars[at].label,
      tickSize: 0,
      padding: 0.25,
    },
    marks: [
      Plot.barX(finite, { x1: start, x2: "value", y: "at", fill: color, fillOpacity: 0.85 }),
      Plot.ruleY(
        finite.filter((r) => r.deviation),
        { x1: "low", x2: "high", y: "at", stroke: ink, strokeWidth: 1.5, marker: "tick" },
      ),
      Plot.text(rows, {
        x: (r) => (Number.isFinite(r.high) ? r.high : start),
        y: "at",
        text: (r) =>
          Number.isFinite(r.value) ? `${format(r.value)}${r.deviation ? ` ± ${format(r.deviation)}` : ""}` : "–",
        dx: 6,
        textAnchor: "start",
        fill: ink,
      }),
    ],
  };
}
