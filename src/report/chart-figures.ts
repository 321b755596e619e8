/** Charts side by side on a page. */
import { type Content, html, trusted } from "./html.js";
import { type Chart, drawChart } from "./plot.js";

export const chartFigures = (charts: readonly Chart[]): Content =>
  html`<div class="charts">${charts.map((chart) => html`<figure>${trusted(drawChart(chart))}</figure>`)}</div>`;

export const chartsCss = `
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem 2rem;max-width:70rem}
.charts figure{margin:.5rem 0}
.charts svg{width:100%}
figure .deit-plot{--plot-paper:var(--page)}
`;
