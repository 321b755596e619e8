/** Images of shapes drawn from formulas, for the built-in dataset. */
import { RandomStream } from "../../random/stream.js";
import type { RgbImage } from "./image.js";

/**
 * Whether a point is inside a shape. `x` and `y` are in units of its size, `r` the distance from its centre, `a` the
 * angle.
 */
type Shape = (x: number, y: number, r: number, a: number) => boolean;

/** The kinds of shapes, by the names of their classes. */
export const shapes: Readonly<Record<string, Shape>> = {
  disc: (_x, _y, r) => r < 1,
  ring: (_x, _y, r) => r < 1 && r > 0.55,
  square: (x, y) => Math.max(Math.abs(x), Math.abs(y)) < 0.85,
  frame: (x, y) => {
    const d = Math.max(Math.abs(x), Math.abs(y));
    return d < 0.9 && d > 0.5;
  },
  triangle: (x, y) => y < 0.7 && y > -0.9 + 2 * Math.abs(x) * 0.95,
  cross: (x, y) => Math.min(Math.abs(x), Math.abs(y)) < 0.28 && Math.max(Math.abs(x), Math.abs(y)) < 1,
  star: (_x, _y, r, a) => r < 0.55 + 0.45 * Math.cos(5 * a),
  stripes: (x, y) => Math.max(Math.abs(x), Math.abs(y)) < 1 && Math.abs((((y * 2.5) % 1) + 1) % 1) < 0.5,
  checks: (x, y) =>
    Math.max(Math.abs(x), Math.abs(y)) < 1 && (Math.floor(x * 2 + 10) + Math.floor(y * 2 + 10)) % 2 === 0,
  crescent: (x, y, r) => r < 1 && (x - 0.45) ** 2 + y ** 2 > 0.64,
};

const kinds = Object.values(shapes);

/** How much the images of a class differ. */
interface Variety {
  /** Smallest and largest angle, in radians. */
  readonly angle: readonly [number, number];
  /** Smallest and largest radius, as shares of the image's side. */
  readonly radius: readonly [number, number];
  /** How many radii the centre is at least from the image's edge: below 1, shapes may be cut off. */
  readonly fromEdge: number;
  /** Coloured dots that may hide parts of the shape. */
  readonly dots: number;
  /** Whether these colours can be told apart; otherwise the ink is drawn again, and also the background if it may. */
  distinct(ink: Colour, background: Colour): boolean;
  readonly redrawsBackground: boolean;
}

type Colour = readonly number[];

/** The varieties by their names in `procedural:SIZE:COUNT:VARIETY`. */
export const varieties = {
  /** At any angle and of any size, lighter or darker than the background. */
  any: {
    ...{ angle: [0, 2 * Math.PI], radius: [0.25, 0.4], fromEdge: 0.8, dots: 2 },
    distinct: (ink, background) => contrast(ink, background) >= 160,
    redrawsBackground: false,
  },
  /** Large, nearly upright and lighter than the background, for models that learn from a few hundred images. */
  upright: {
    ...{ angle: [-Math.PI / 12, Math.PI / 12], radius: [0.36, 0.45], fromEdge: 1, dots: 1 },
    distinct: (ink, background) => brightness(ink) - brightness(background) >= 140,
    redrawsBackground: true,
  },
} as const satisfies Readonly<Record<string, Variety>>;

export type VarietyName = keyof typeof varieties;

/** What an image shows. */
export interface Procedural {
  /** Its side in pixels. */
  readonly size: number;
  readonly seed: number;
  /** Class, from 0 to 9. */
  readonly label: number;
  /** Default: `any`. */
  readonly variety?: VarietyName;
}

/** Draws one image. */
export function drawProcedural({ size, seed, label, variety = "any" }: Procedural): RgbImage {
  const {
    angle: angles,
    radius: radii,
    fromEdge,
    dots: dotCount,
    distinct,
    redrawsBackground,
  }: Variety = varieties[variety];
  const s = new RandomStream({ seed, purpose: "procedural" });
  const colour = () => [s.uniform(0, 255), s.uniform(0, 255), s.uniform(0, 255)];
  let background = colour();
  const gradientTo = colour();
  let ink = colour();
  while (!distinct(ink, background)) {
    ink = colour();
    if (redrawsBackground) background = colour();
  }
  const [waveX, waveY, wavePhase, waveHeight] = [
    s.uniform(-0.6, 0.6),
    s.uniform(-0.6, 0.6),
    s.uniform(0, 6.28),
    s.uniform(0, 12),
  ];
  const radius = size * s.uniform(...radii);
  const centreX = s.uniform(radius * fromEdge, size - radius * fromEdge);
  const centreY = s.uniform(radius * fromEdge, size - radius * fromEdge);
  const angle = s.uniform(...angles);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const dots = Array.from({ length: dotCount }, () => ({
    x: s.uniform(0, size),
    y: s.uniform(0, size),
    r: s.uniform(1, size / 14),
    colour: colour(),
  }));
  const inside = kinds[label];
  const data = new Uint8ClampedArray(size * size * 3);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const u = ((x - centreX) * cos + (y - centreY) * sin) / radius;
      const v = ((y - centreY) * cos - (x - centreX) * sin) / radius;
      const hit = inside(u, v, Math.hypot(u, v), Math.atan2(v, u));
      const dot = dots.find((d) => (x - d.x) ** 2 + (y - d.y) ** 2 < d.r ** 2);
      const wave = waveHeight * Math.sin(x * waveX + y * waveY + wavePhase);
      const noise = s.normal(0, 6);
      for (let c = 0; c < 3; c++) {
        const ground = background[c] + ((gradientTo[c] - background[c]) * y * 0.35) / size + wave;
        data[(y * size + x) * 3 + c] = (dot ? dot.colour[c] : hit ? ink[c] : ground) + noise;
      }
    }
  }
  return { width: size, height: size, data: new Uint8Array(data.buffer) };
}

const brightness = ([red, green, blue]: Colour): number => red * 0.6 + green + blue * 0.4;

function contrast(a: Colour, b: Colour): number {
  return Math.abs(a[0] - b[0]) * 0.6 + Math.abs(a[1] - b[1]) + Math.abs(a[2] - b[2]) * 0.4;
}
