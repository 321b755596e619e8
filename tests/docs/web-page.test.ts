/** The page of the tutorial does what it says: built with Vite as it stands there, it names the class of a photo. */
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createModel, initialize, writeSafetensors } from "../../src/index.js";
import { root } from "../cli/run.js";
import { chromiumPath } from "../setup/browser.js";
import { describeInBrowser } from "../web/browser.js";
import { blocksOf } from "./sandbox.js";

const sizes = { imageSize: 32, patchSize: 8, width: 32, depth: 1, heads: 2, classes: 2 };
const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
};

describeInBrowser("the web page of the tutorial", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(await realpath(tmpdir()), "deit-page-"));
    const blocks = await blocksOf("docs/tutorials/your-model-in-a-web-page.md");
    await mkdir(join(folder, "page/public"), { recursive: true });
    await mkdir(join(folder, "node_modules"));
    await symlink(root, join(folder, "node_modules/deit"));
    await writeFile(join(folder, "page/index.html"), blocks.find(({ language }) => language === "html")!.text);
    await writeSafetensors(join(folder, "page/public/photos.safetensors"), initialize(createModel("deit", sizes), 0), {
      "deit.model": "deit",
      "deit.config": JSON.stringify(sizes),
      "deit.classes": JSON.stringify(["cat", "dog"]),
    });
    const command = blocks.find(({ text }) => text.includes("npx vite build"))!.text;
    const base = /vite build page --base (\S+)/.exec(command)![1];
    await build({ root: join(folder, "page"), base, configFile: false, logLevel: "error" });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("names the class of a photo, below a folder's address", async () => {
    const server = createServer(async (request, response) => {
      const path = new URL(request.url!, "http://localhost").pathname;
      const below = path.startsWith("/pets/") ? path.slice("/pets/".length) : "none";
      const file = join(folder, "page/dist", below || "index.html");
      const body = await readFile(file).catch(() => undefined);
      response.writeHead(body ? 200 : 404, { "content-type": types[extname(file)] ?? "application/octet-stream" });
      response.end(body);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage();
      await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/pets/`);
      await page.getByText("Choose a photo.").waitFor();
      await page.getByLabel("A photo").setInputFiles(join(root, "tests/fixtures/images/plain.png"));
      const answer = page.getByText(/^(cat|dog): \d+\.\d %$/);
      await answer.waitFor();
      expect(await answer.count()).toBe(1);
    } finally {
      await browser.close();
      server.closeAllConnections();
      server.close();
    }
  });
});
