/** The playground of a server in headless Chromium. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import sharp from "sharp";
import { drawProcedural } from "../../src/data/pixels/procedural-image.js";
import { createModel, initialize, type ModelInMemory } from "../../src/index.js";
import { type RunningServer, type ServeOptions, serve } from "../../src/server/serve.js";
import { chromiumPath } from "../setup/browser.js";

/** A small model with random weights. */
export function smallModel(): ModelInMemory {
  const model = createModel("deit", { imageSize: 32, patchSize: 8, width: 48, depth: 2, heads: 3, classes: 5 });
  return { model, weights: initialize(model, 0), classes: ["ant", "bee", "cat", "dog", "eel"] };
}

/** A browser with a camera that shows a test picture. */
const launched = (): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath,
    args: ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
  });

/** A server with its page in a browser, and pictures for it. */
export class Playground {
  private constructor(
    readonly server: RunningServer,
    readonly browser: Browser,
    readonly scratch: string,
  ) {}

  static async open(options: ServeOptions = {}): Promise<Playground> {
    const server = await serve(
      { models: { small: smallModel() } },
      { port: 0, engine: "onnx", shareWeights: true, ...options },
    );
    return new Playground(server, await launched(), await mkdtemp(join(tmpdir(), "deit-playground-")));
  }

  async page(options: BrowserContextOptions = {}): Promise<Page> {
    const page = await (await this.browser.newContext({ acceptDownloads: true, ...options })).newPage();
    page.on("pageerror", (error) => console.error("page:", error));
    await page.goto(this.server.url);
    return page;
  }

  /** Files with pictures of built-in shapes: dark ones, or bright ones for odd labels. */
  pictures(label: number, count: number): Promise<string[]> {
    return Promise.all(
      Array.from({ length: count }, async (_, seed) => {
        const { width, height, data: drawn } = drawProcedural({ size: 48, seed, label });
        const data = drawn.map((value) => (label % 2 === 0 ? value >> 2 : 255 - (value >> 2)));
        const path = join(this.scratch, `shape-${label}-${seed}.png`);
        await writeFile(
          path,
          await sharp(data, { raw: { width, height, channels: 3 } })
            .png()
            .toBuffer(),
        );
        return path;
      }),
    );
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.server.close();
    await rm(this.scratch, { recursive: true });
  }
}

/** What axe finds wrong for readers with a screen reader or a keyboard, as "rule: elements". */
export async function accessibilityFaults(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source); // as the page's policy allows no scripts from elsewhere
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<import("axe-core").AxeResults> } };
    return (await axe.run()).violations;
  });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

/** Pixels by which the page is wider than its window. */
export const tooWide = (page: Page): Promise<number> =>
  page.locator("html").evaluate((html) => html.scrollWidth - html.clientWidth);
