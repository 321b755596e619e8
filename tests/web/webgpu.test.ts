/** WebGPU on Chromium's software adapter: it answers as Node does, or the page falls back to WebAssembly and says why. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it, type TestContext } from "vitest";
import { classifier } from "../../src/index.js";
import type * as Web from "../../src/web/index.js";
import { root } from "../cli/run.js";
import { describeInBrowser, Site } from "./browser.js";
import { writeSmall } from "./small.js";

declare const deit: typeof Web;

const picture = join(root, "tests/fixtures/images/view.png");

let scratch: string;
let site: Site;
let page: Page;

/** The classifier's backend and logits in a page. */
const answered = (settings: Web.ClassifierSettings) =>
  page.evaluate(async (given) => {
    const classify = await deit.classifier("/small.safetensors", given);
    const logits = [...(await classify.logits("/view.png"))];
    const [first] = await classify.attention("/view.png").then(({ heads }) => heads);
    await classify.close();
    return { backend: classify.backend, logits, attention: [...first] };
  }, settings);

async function skipWithoutAdapter({ skip }: TestContext): Promise<void> {
  const found = await page.evaluate(async () => (await navigator.gpu?.requestAdapter()) != null);
  skip(!found, "This Chromium has no WebGPU adapter, not even one in software.");
}

describeInBrowser("deit/web with WebGPU", () => {
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "deit-web-gpu-"));
    const small = join(scratch, "small.safetensors");
    await writeSmall(small);
    const served = [
      ["/small.safetensors", small],
      ["/view.png", picture],
    ] as const;
    site = await Site.open(new Map(served), ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]);
    page = await site.page();
  });
  afterAll(async () => {
    await site?.close();
    await rm(scratch, { recursive: true, force: true });
  });

  it("computes there what Node computes, once it has passed the check", async (context) => {
    await skipWithoutAdapter(context);
    const { backend, logits, attention } = await answered({ backend: "webgpu" });
    expect(backend.name).toBe("webgpu");
    expect(backend.reasons[0]).toMatch(/^WebGPU passed the check of its answers \(largest error \d\.\de-\d+\)\.$/);
    await using classify = await classifier(join(scratch, "small.safetensors"), { engine: "onnx" });
    near(logits, await classify.logits(picture));
    near(attention, (await classify.attention(picture)).heads[0]);
  });

  it("falls back to WebAssembly where it does not work", async (context) => {
    await skipWithoutAdapter(context);
    await page.reload();
    await page.waitForFunction("globalThis.ready === true");
    await page.evaluate(() => {
      const { prototype } = (globalThis as unknown as { GPUAdapter: { prototype: { requestDevice: unknown } } })
        .GPUAdapter;
      prototype.requestDevice = async () => {
        throw new Error("no device");
      };
    });
    const { backend } = await answered({});
    expect(backend.name).toBe("wasm");
    expect(backend.reasons[0]).toMatch(/^WebGPU does not work here: /);
  });
});

function near(found: readonly number[], expected: Float32Array): void {
  expect(found.length).toBe(expected.length);
  expect(Math.max(...found.map((v, i) => Math.abs(v - expected[i])))).toBeLessThan(1e-3);
}
