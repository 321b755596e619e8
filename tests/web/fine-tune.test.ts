/** `fineTune` in headless Chromium: it learns what the same training in Node learns, and says what is wrong. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { classifier, createModel, fineTune, initialize, RandomStream, writeSafetensors } from "../../src/index.js";
import type * as Web from "../../src/web/index.js";
import { describeInBrowser, Site } from "./browser.js";

declare const deit: typeof Web;

const sizes = { imageSize: 64, patchSize: 16, width: 48, depth: 4, heads: 3, classes: 7, distilled: true };

/** RGB pixels that JSON holds too. */
interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: readonly number[];
}

/** Stripes of three kinds under noise. */
function pictures(count: number): Record<string, Picture[]> {
  const side = 32;
  const bright: Record<string, (x: number, y: number) => boolean> = {
    across: (_, y) => y % 16 < 8,
    down: (x) => x % 16 < 8,
    dots: (x, y) => x % 16 < 8 !== y % 16 < 8,
  };
  return Object.fromEntries(
    Object.entries(bright).map(([name, of]) => [
      name,
      Array.from({ length: count }, (_, nth) => {
        const stream = new RandomStream({ seed: 5, purpose: name, sample: nth });
        const data = Array.from({ length: side * side * 3 }, (_, i) => {
          const [x, y] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side)];
          return (of(x, y) ? 140 : 70) + stream.integer(110);
        });
        return { width: side, height: side, data };
      }),
    ]),
  );
}

const bytes = (all: Record<string, Picture[]>) =>
  Object.fromEntries(
    Object.entries(all).map(([name, list]) => [name, list.map((p) => ({ ...p, data: Uint8Array.from(p.data) }))]),
  );

let scratch: string;
let weights: string;
let site: Site;
let page: Page;

describeInBrowser("fineTune of deit/web", () => {
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "deit-web-"));
    weights = join(scratch, "small.safetensors");
    await writeSafetensors(weights, initialize(createModel("deit", sizes), 3), {
      "deit.model": "deit",
      "deit.config": JSON.stringify(sizes),
    });
    site = await Site.open(new Map([["/small.safetensors", weights]]));
    page = await site.page();
    await page.evaluate(
      ({ all }) => {
        Object.assign(globalThis, {
          pictures: Object.fromEntries(
            Object.entries(all).map(([name, list]) => [
              name,
              list.map((p) => ({ ...p, data: Uint8Array.from(p.data) })),
            ]),
          ),
        });
      },
      { all: pictures(30) },
    );
  });
  afterAll(async () => {
    await site?.close();
    await rm(scratch, { recursive: true, force: true });
  });

  it.each([
    { name: "the head", blocks: 0 },
    { name: "the last two blocks", blocks: 2, epochs: 4, learningRate: 3e-4 },
  ])("learns $name as in Node", async ({ name: _, ...options }) => {
    const found = await page.evaluate(async (given) => {
      const base = await deit.classifier("/small.safetensors");
      const events: string[] = [];
      const onEvent = ({ kind }: Web.FineTuneEvent) => events.push(kind);
      const pictures = (globalThis as unknown as { pictures: Record<string, Web.ImageInput[]> }).pictures;
      const tuned = await deit.fineTune(base, pictures, { ...given, onEvent });
      await base.close(); // the new classifier lives on
      const [first] = await tuned.classify(pictures.down[0], { top: 3 });
      const { classes, training } = tuned.classify;
      await tuned.close();
      return { history: tuned.history, heldOut: tuned.heldOut, events, first, classes, training };
    }, options);
    await using base = await classifier(weights, { engine: "onnx" });
    const expected = await fineTune(base, bytes(pictures(30)), options);
    const [first] = await expected.classify(bytes(pictures(30)).down[0], { top: 3 });
    expect(Math.abs(found.heldOut!.top1 - expected.heldOut!.top1)).toBeLessThanOrEqual(2);
    expect(found.heldOut!.top1).toBeGreaterThan(90);
    expect(found.heldOut!.confusion.map((row) => row.reduce((sum, n) => sum + n, 0))).toEqual([6, 6, 6]);
    expect(found.history).toHaveLength(options.epochs ?? 1);
    for (const [i, { loss, validation }] of found.history.entries()) {
      const same = expected.history[i];
      expect(Math.abs(loss - same.loss)).toBeLessThan(0.02);
      expect(Math.abs(validation!.loss - same.validation!.loss)).toBeLessThan(0.02);
    }
    expect(found.first.label).toBe(first.label);
    expect(found.first.score).toBeCloseTo(first.score, 2);
    expect(found.classes).toEqual(["across", "down", "dots"]);
    expect(found.training!.images).toBe(72);
    expect([...new Set(found.events)]).toEqual(["start", "features", "epoch"]);
    await expected.close();
  });

  it("stops when it is cancelled, and says what is wrong", async () => {
    const failure = (work: string) =>
      page.evaluate(
        (code) =>
          new Function(
            "deit",
            "pictures",
            `return (async () => {
              globalThis.base ??= await deit.classifier("/small.safetensors");
              const tune = (pictures, options) => deit.fineTune(globalThis.base, pictures, options);
              ${code}
            })()`,
          )(deit, (globalThis as unknown as { pictures: object }).pictures).then(
            () => "nothing failed",
            (error: Error) => {
              const kinds = Object.entries({ ...deit }).filter(([name]) => /Error$/.test(name) && name !== "DeitError");
              const kind = kinds.find(([, made]) => error instanceof (made as typeof deit.UsageError));
              return `${kind?.[0]}: ${error.message}`;
            },
          ) as Promise<string>,
        work,
      );
    const cancelled = (kind: string) => `
      const stop = new AbortController();
      const onEvent = (event) => event.kind === "${kind}" && stop.abort();
      await tune(pictures, { blocks: 1, signal: stop.signal, onEvent });`;
    for (const kind of ["start", "features", "epoch"])
      expect(await failure(cancelled(kind))).toMatch(/^InterruptedError: Fine-tuning was interrupted\.$/);
    expect(
      await failure(`await tune({ across: [new File(["no picture"], "notes.txt")], down: pictures.down })`),
    ).toMatch(/^FileError: "notes\.txt" is no picture that this browser can decode/);
    expect(await failure(`await tune({ across: [new Blob(["none"])], down: pictures.down })`)).toMatch(
      /^FileError: "image 0 of across" is no picture/,
    );
    expect(await failure(`await deit.fineTune(() => 1, pictures)`)).toBe(
      "UsageError: fineTune needs a classifier that classifier() opened; it was given a function.",
    );
    expect(await failure(`await tune(pictures); await base.close(); await tune(pictures)`)).toBe(
      "UsageError: The classifier is closed; open a new one.",
    );
  });
});
