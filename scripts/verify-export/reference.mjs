// What timm answered (reference.py), as JavaScript consumers read it, and the line that each of them reports.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const bytes = (path) => new Uint8Array(readFileSync(path));

export function readReference(folder, images) {
  const about = JSON.parse(readFileSync(join(folder, "reference.json"), "utf8"));
  return {
    ...about,
    files: readdirSync(images).sort(),
    givenShape: [about.given, 3, about.size, about.size],
    pixelValues: new Float32Array(bytes(join(folder, "pixel_values.f32")).buffer),
    logits: new Float32Array(bytes(join(folder, "logits.f32")).buffer),
    pixels: bytes(join(folder, "pixels.u8")),
  };
}

/** pixel_values `[3, size, size]` of image `i`. */
export function normalized({ pixels, size, mean, std }, i) {
  const plane = size * size;
  const values = new Float32Array(3 * plane);
  for (let p = 0; p < plane; p++)
    for (let c = 0; c < 3; c++) values[c * plane + p] = (pixels[(i * plane + p) * 3 + c] / 255 - mean[c]) / std[c];
  return values;
}

/** The pixels `[size, size, 3]` that pixel_values were made from. */
export function denormalized({ size, mean, std }, values) {
  const plane = size * size;
  const pixels = new Uint8Array(3 * plane);
  for (let p = 0; p < plane; p++)
    for (let c = 0; c < 3; c++) pixels[p * 3 + c] = Math.round((values[c * plane + p] * std[c] + mean[c]) * 255);
  return pixels;
}

export const largestOf = (values) => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);

export const differenceOf = (found, expected) =>
  found.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
