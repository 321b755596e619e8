/** `deit/web` in headless Chromium answers as the library does in Node. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Channels, classifier } from "../../src/index.js";
import type * as Web from "../../src/web/index.js";
import { root } from "../cli/run.js";
import { itWithReference, shared } from "../setup/reference-data.js";
import { describeInBrowser, Site } from "./browser.js";
import { smallClasses, writeSmall } from "./small.js";

declare const deit: typeof Web;

const images = join(root, "tests/fixtures/images");
const pictures = [
  ...["plain.png", "alpha.png", "grey_alpha.png", "palette.png", "sixteen_bit.png", "one_pixel.png", "view.png"],
  ...["rotated.jpg", "plain.jpg", "cmyk.jpg", "progressive.jpg", "plain.webp"],
];

let scratch: string;
let weights: string;
const ofChannels = (channels: Channels) => join(scratch, `small-${channels}.safetensors`);
let site: Site;
let page: Page;

describeInBrowser("deit/web", () => {
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "deit-web-"));
    weights = join(scratch, "small.safetensors");
    await writeSmall(weights);
    for (const channels of [1, 4] as const) await writeSmall(ofChannels(channels), channels);
    const files = await readdir(images);
    site = await Site.open(
      new Map([
        ["/small.safetensors", weights],
        ...([1, 4] as const).map((channels) => [`/small-${channels}.safetensors`, ofChannels(channels)] as const),
        ["/tiny.safetensors", join(shared, "weights/deit_tiny_patch16_224.safetensors")],
        ...files.map((name) => [`/images/${name}`, join(images, name)] as const),
      ]),
    );
    page = await site.page();
  });
  afterAll(async () => {
    await site?.close();
    await rm(scratch, { recursive: true, force: true });
  });

  it("gives Node's answers, whether pictures are turned as EXIF says or not", async () => {
    for (const exif of ["ignore", "apply"] as const) {
      const found = await page.evaluate(
        async ({ names, exif }) => {
          const classify = await deit.classifier("/small.safetensors", { exif });
          const predictions = await classify(names.map((name) => `/images/${name}`));
          return { predictions, classes: classify.classes };
        },
        { names: pictures, exif },
      );
      await using classify = await classifier(weights, { engine: "onnx", exif });
      const expected = await classify(pictures.map((name) => join(images, name)));
      expect(found.classes).toEqual(smallClasses);
      for (const [i, predictions] of found.predictions.entries()) {
        // Decoders of JPEG and WebP may differ by a grey level; those of PNG may not.
        const tolerance = pictures[i].endsWith(".png") ? 1e-5 : 1e-2;
        expect(predictions).toHaveLength(5);
        for (const { index, score } of predictions) {
          const same = expected[i].find((p) => p.index === index);
          expect(Math.abs(score - (same?.score ?? 0)), `${pictures[i]}, class ${index}`).toBeLessThan(tolerance);
        }
        if (pictures[i].endsWith(".png"))
          expect(predictions.map((p) => p.label)).toEqual(expected[i].map((p) => p.label));
      }
    }
  });

  it.each([1, 4] as const)("gives Node's answers of a model of %i channels", async (channels) => {
    const names = pictures.filter((name) => name.endsWith(".png"));
    const found = await page.evaluate(
      async ({ names, channels }) => {
        const classify = await deit.classifier(`/small-${channels}.safetensors`);
        return { logits: (await classify.logits(names)).map((row) => [...row]), view: classify.view };
      },
      { names: names.map((name) => `/images/${name}`), channels },
    );
    expect([found.view.channels, found.view.normalization.mean.length]).toEqual([channels, channels]);
    await using classify = await classifier(ofChannels(channels), { engine: "onnx" });
    const expected = await classify.logits(names.map((name) => join(images, name)));
    for (const [i, row] of found.logits.entries())
      for (const [k, value] of row.entries())
        expect(Math.abs(value - expected[i][k]), `${names[i]}, class ${k}`).toBeLessThan(1e-4);
  });

  it("gives Node's embeddings and attention", async () => {
    const found = await page.evaluate(async () => {
      const classify = await deit.classifier("/small.safetensors");
      const maps = await classify.attention("/images/view.png", "distillation");
      return {
        embedding: [...(await classify.embed("/images/view.png"))],
        patches: [...(await classify.embed("/images/view.png", { from: "patches" }))],
        ...{ grid: maps.grid, rollout: [...maps.rollout], heads: maps.heads.map((head) => [...head]) },
      };
    });
    await using classify = await classifier(weights, { engine: "onnx" });
    const picture = join(images, "view.png");
    const maps = await classify.attention(picture, "distillation");
    expect(found.grid).toEqual(maps.grid);
    near(found.embedding, await classify.embed(picture));
    near(found.patches, await classify.embed(picture, { from: "patches" }));
    near(found.rollout, maps.rollout);
    found.heads.forEach((head, i) => {
      near(head, maps.heads[i]);
    });
  });

  it("sees pictures in their native aspect ratio as Node does", async () => {
    const names = ["view.png", "plain.png"];
    const found = await page.evaluate(async (names) => {
      const classify = await deit.classifier("/small.safetensors", { cropMode: "native" });
      const seen: { logits: number[]; grid: readonly number[] }[] = [];
      for (const name of names) {
        const { grid } = await classify.attention(`/images/${name}`);
        seen.push({ grid, logits: [...(await classify.logits(`/images/${name}`))] });
      }
      return seen;
    }, names);
    await using classify = await classifier(weights, { engine: "onnx", cropMode: "native" });
    for (const [i, name] of names.entries()) {
      expect(found[i].grid).toEqual((await classify.attention(join(images, name))).grid);
      expect(found[i].grid[0]).not.toBe(found[i].grid[1]);
      near(found[i].logits, await classify.logits(join(images, name)));
    }
  });

  it("says which backend computes, and why", async () => {
    const backend = (options: Web.ClassifierSettings) =>
      page.evaluate(async (given) => {
        const classify = await deit.classifier("/small.safetensors", given);
        return classify.backend;
      }, options);
    const { name, reasons } = await backend({ backend: "wasm" });
    expect(name).toBe("wasm");
    expect(reasons[0]).toBe("WebAssembly was asked for.");
    expect(reasons[1]).toMatch(/^The page is cross-origin isolated, so (\d+ threads compute|one thread computes)\.$/);
    const alone = await site.page({ isolated: false });
    const single = await alone.evaluate(async () => {
      const classify = await deit.classifier("/small.safetensors", { backend: "wasm", threads: 4 });
      return classify.backend;
    });
    expect(single.threads).toBe(1);
    expect(single.reasons[1]).toMatch(/^The page is not cross-origin isolated, so one thread computes; send /);
    await alone.close();
  });

  it("says what is wrong", async () => {
    const failure = (work: string) =>
      page.evaluate(
        (code) =>
          new Function("deit", `return (async () => { ${code} })()`)(deit).then(
            () => "nothing failed",
            (error: Error) => error.message,
          ) as Promise<string>,
        work,
      );
    expect(await failure(`await deit.classifier("/none.safetensors")`)).toBe(
      "/none.safetensors answered with status 404; check the address.",
    );
    expect(await failure(`await deit.classifier("/index.html")`)).toMatch(
      /^"\/index\.html" is a web page, which a server sent instead of the weights; /,
    );
    expect(await failure(`await deit.classifier("/small.safetensors", { class: ["cat"] })`)).toMatch(
      /^classifier has no option "class"/,
    );
    expect(
      await failure(`await deit.classifier("/small.safetensors", { onProgress: () => { throw new Error("mine") } })`),
    ).toBe("mine");
    expect(await failure(`const c = await deit.classifier("/small.safetensors"); await c("/index.html")`)).toBe(
      `"/index.html" is no picture that this browser can decode; give a JPEG, PNG or WebP file.`,
    );
    const given = (picture: string) =>
      failure(`const c = await deit.classifier("/small.safetensors"); await c(${picture})`);
    for (const picture of ["undefined", "null", "7", "{}", "document.body", "new Uint8ClampedArray(4)"])
      expect(await given(picture)).toMatch(/ was given for the image; give an address, a File or Blob, or the bytes /);
    for (const picture of ["new Image()", "document.createElement('video')", "new OffscreenCanvas(0, 0)"])
      expect(await given(picture)).toMatch(/^The \w+ given for the image shows nothing that has pixels, or not yet; /);
  });

  it("keeps and exports open classifiers only", async () => {
    const said = await page.evaluate(async () => {
      const nothing = undefined as never;
      const calls = [() => deit.saveModel("pets", nothing), () => deit.exportModel({} as never, { to: "onnx" })];
      return Promise.all(calls.map((call) => call().then(String, (error: Error) => error.message)));
    });
    const needs = "needs an open classifier, or what fineTune returned; it was given";
    expect(said).toEqual([`saveModel ${needs} undefined.`, `exportModel ${needs} an object with no properties.`]);
  });

  it("says that the page's policy allows no WebAssembly", async () => {
    const strict = await site.page();
    await strict.evaluate(`const policy = document.createElement("meta");
      policy.httpEquiv = "Content-Security-Policy"; policy.content = "script-src 'self'"; document.head.append(policy);`);
    const said = await strict.evaluate(() =>
      deit.classifier("/small.safetensors", { backend: "wasm" }).then(String, (error: Error) => error.message),
    );
    expect(said).toMatch(/^WebAssembly, which computes here, cannot be used in this page; allow 'wasm-unsafe-eval'/);
    await strict.close();
  });

  itWithReference("gives Node's answers with published weights", async () => {
    const [found, expected] = await both(["plain.png", "plain.jpg"]);
    found.forEach((logits, i) => {
      near(logits, expected[i], i === 0 ? 1e-4 : 1e-2);
    });
  });
});

/** Logits of published weights in the page and in Node. */
async function both(names: readonly string[]) {
  const found = await page.evaluate(async (all) => {
    const source = { model: "deit_tiny_patch16_224", weights: "/tiny.safetensors" };
    const classify = await deit.classifier(source);
    const logits: number[][] = [];
    for (const name of all) logits.push([...(await classify.logits(`/images/${name}`))]);
    return logits;
  }, names);
  const source = { model: "deit_tiny_patch16_224", weights: join(shared, "weights/deit_tiny_patch16_224.safetensors") };
  await using classify = await classifier(source, { engine: "onnx" });
  const expected: number[][] = [];
  for (const name of names) {
    const scores = await classify(join(images, name), { top: 1000 });
    const logs = new Array<number>(1000);
    for (const { index, score } of scores) logs[index] = Math.log(score);
    expected.push(logs);
  }
  return [found.map(logSoftmax), expected] as const;
}

function logSoftmax(logits: readonly number[]): number[] {
  const total = Math.log(logits.reduce((sum, v) => sum + Math.exp(v), 0));
  return logits.map((v) => v - total);
}

function near(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5): void {
  expect(found.length).toBe(expected.length);
  const largest = Math.max(...Array.from(found, (v, i) => Math.abs(v - expected[i])));
  expect(largest).toBeLessThan(tolerance);
}
