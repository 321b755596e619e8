import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { decodeImage } from "../codec/decode.js";
import { examine } from "./examine.js";

const pictures = new URL("../../../tests/fixtures/pictures/", import.meta.url).pathname;

it("reports exactly what training cannot read as unreadable, in every format", async () => {
  const [read, examined]: string[][] = [[], []];
  for (const name of await readdir(pictures)) {
    const path = join(pictures, name);
    const image = await decodeImage(await readFile(path), { name }).catch(() => undefined);
    if (image) read.push(name);
    if ((await examine({ kind: "file", path })).unreadable === undefined) examined.push(name);
  }
  expect(examined).toEqual(read);
  for (const ending of ["bmp", "ppm", "avif", "gif", "tif", "webp"])
    expect(read.filter((name) => name.endsWith(ending)).length).toBeGreaterThan(2);
});

it("reports traits that may be surprising", async () => {
  const traits = async (name: string) => (await examine({ kind: "file", path: join(pictures, name) })).traits;
  expect(await traits("animated.gif")).toContain("animated");
  expect(await traits("cmyk.jpg")).toContain("cmyk");
  expect(await traits("alpha.webp")).toContain("alpha");
});
