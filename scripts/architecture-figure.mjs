// Draws docs/architecture.svg from the rooms of scripts/rooms.cjs: npm run docs:architecture.
// Every room stands above all that it imports; arrows that follow from others are left out.
import { writeFileSync } from "node:fs";
import rooms from "./rooms.cjs";

const box = { width: 92, height: 30, gapX: 14, gapY: 34 };
const panelGap = 46;

/** Floors of a table, the ground first: a room stands one above the highest that it imports. */
function floorsOf(table) {
  const floor = new Map();
  const of = (room) => {
    if (!floor.has(room)) floor.set(room, Math.max(-1, ...table[room].map(of)) + 1);
    return floor.get(room);
  };
  for (const room of Object.keys(table)) of(room);
  return Array.from({ length: Math.max(...floor.values()) + 1 }, (_, level) =>
    [...floor.keys()].filter((room) => floor.get(room) === level),
  );
}

/** Imports that no other import implies. */
function direct(table, room) {
  const below = (from) => new Set(table[from].flatMap((to) => [to, ...below(to)]));
  return table[room].filter((to) => !table[room].some((other) => other !== to && below(other).has(to)));
}

function panel(title, table, left) {
  const floors = floorsOf(table);
  const widest = Math.max(...floors.map((floor) => floor.length));
  const width = widest * (box.width + box.gapX) - box.gapX;
  const top = (floor) => 40 + (floors.length - 1 - floor) * (box.height + box.gapY);
  const places = new Map();
  floors.forEach((floor, level) => {
    const used = floor.length * (box.width + box.gapX) - box.gapX;
    floor.forEach((room, i) => {
      places.set(room, { x: left + (width - used) / 2 + i * (box.width + box.gapX), y: top(level) });
    });
  });
  const arrows = Object.keys(table).flatMap((room) =>
    direct(table, room).map((to) => {
      const [from, goal] = [places.get(room), places.get(to)];
      const [x1, y1] = [from.x + box.width / 2, from.y + box.height];
      const [x2, y2] = [goal.x + box.width / 2, goal.y - 3];
      const bend = (y2 - y1) / 2;
      return `<path class="arrow" d="M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}"/>`;
    }),
  );
  const boxes = [...places].map(
    ([room, { x, y }]) =>
      `<rect x="${x}" y="${y}" width="${box.width}" height="${box.height}" rx="5"/><text x="${x + box.width / 2}" y="${y + 19}">${room}</text>`,
  );
  const body = [`<text class="title" x="${left + width / 2}" y="22">${title}</text>`, ...arrows, ...boxes].join("\n");
  return { body, width, height: top(0) + box.height };
}

/** The figure as SVG; it follows the reader's light or dark setting. */
export function architectureFigure() {
  let left = 20;
  let height = 0;
  const bodies = ["src", "src/data", "src/training"].map((folder) => {
    const drawn = panel(folder, rooms[folder], left);
    left += drawn.width + panelGap;
    height = Math.max(height, drawn.height);
    return drawn.body;
  });
  const [width, total] = [left - panelGap + 20, height + 20];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${total}" role="img" aria-label="Rooms of the source and their imports, which all point downwards">
<style>
svg { --paper: #fff; --ink: #1a1a1a; --line: #8a8f98; --room: #f2f4f7; background: var(--paper); font: 13px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { svg { --paper: #14161a; --ink: #e8e8e8; --line: #6d737d; --room: #22262d; } }
rect { fill: var(--room); stroke: var(--line); }
text { fill: var(--ink); text-anchor: middle; }
.title { font-weight: 600; }
.arrow { fill: none; stroke: var(--line); marker-end: url(#head); }
marker path { fill: var(--line); }
</style>
<defs><marker id="head" viewBox="0 0 6 6" refX="4" refY="3" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0L6 3L0 6z"/></marker></defs>
${bodies.join("\n")}
</svg>
`;
}

if (process.argv[1] === new URL(import.meta.url).pathname)
  writeFileSync(new URL("../docs/architecture.svg", import.meta.url), architectureFigure());
