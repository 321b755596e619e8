/** Colours of the plots, for light and dark pages, as CSS variables that a page may override. */

export type Theme = "light" | "dark";

interface Palette {
  readonly ink: string;
  readonly paper: string;
  /** Colours of series, distinguishable also with red or green blindness (checked by lightness). */
  readonly series: readonly string[];
}

export const palettes: Readonly<Record<Theme, Palette>> = {
  light: {
    ink: "#24292f",
    paper: "#ffffff",
    series: ["#2463c4", "#d9600f", "#12866a", "#8250b8", "#b8336a", "#7d6a00", "#0f8aa6", "#6b7380"],
  },
  dark: {
    ink: "#d5dae0",
    paper: "#14181d",
    series: ["#79aaf7", "#f59a56", "#4fc4a1", "#bd97ee", "#ef83ad", "#cdb43c", "#58c4de", "#a3abb7"],
  },
};

const seriesVariables = palettes.light.series.map((_, i) => `--plot-${i + 1}`);

/** Colour of the i-th series, for an SVG attribute. */
export const seriesColor = (i: number): string => `var(${seriesVariables[i % seriesVariables.length]})`;

export const ink = "currentColor";
export const paper = "var(--plot-paper)";

/** The variables by name. */
function variables(theme: Theme): ReadonlyMap<string, string> {
  const { ink, paper, series } = palettes[theme];
  return new Map([
    ["--plot-ink", ink],
    ["--plot-paper", paper],
    ...series.map((c, i) => [seriesVariables[i], c] as const),
  ]);
}

const declarations = (theme: Theme): string => [...variables(theme)].map(([name, c]) => `${name}:${c}`).join(";");

/** Style sheet of a plot. It has no specificity, so that a page's own rules for `.deit-plot` override it. */
export const plotStyle = [
  `:where(.deit-plot){${declarations("light")};color:var(--plot-ink);max-width:100%;height:auto}`,
  `@media (prefers-color-scheme:dark){:where(.deit-plot){${declarations("dark")}}}`,
].join("");

/** The SVG with the theme's colours written out, for programs without support for CSS variables. */
export function withColors(svg: string, theme: Theme): string {
  const values = variables(theme);
  return svg
    .replaceAll(/<style>.*?<\/style>/gs, "")
    .replaceAll(/var\((--plot-\w+)\)/g, (_, name: string) => values.get(name) ?? palettes[theme].ink)
    .replaceAll("currentColor", palettes[theme].ink);
}
