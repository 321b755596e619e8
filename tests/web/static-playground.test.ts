/** The playground as static files below a path, on a server that knows nothing of it, in headless Chromium. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkpointTexts } from "../../src/evaluation/checkpoint-texts.js";
import { openModel } from "../../src/evaluation/open-model.js";
import { resolveView } from "../../src/evaluation/view.js";
import { writeSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { writePlayground } from "../../src/server/playground/write.js";
import { describeInBrowser } from "./browser.js";
import { Playground, smallModel } from "./playground.js";

let playground: Playground;
beforeAll(async () => {
  playground = await Playground.open();
});
afterAll(() => playground?.close());

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
};

/** A server of a folder's files below `/photos/site/`; whatever else is asked for is noted. */
async function served(folder: string) {
  const elsewhere: string[] = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, "http://localhost");
    const inside = pathname.startsWith("/photos/site/") ? normalize(pathname.slice("/photos/site/".length)) : undefined;
    const path = inside === undefined ? undefined : join(folder, inside === "." ? "index.html" : inside);
    const bytes = path && (await readFile(path).catch(() => undefined));
    if (!bytes) elsewhere.push(pathname);
    response.writeHead(bytes ? 200 : 404, { "content-type": types[extname(path ?? "")] ?? "application/octet-stream" });
    response.end(bytes);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return { elsewhere, address: `http://127.0.0.1:${port}/photos/site/`, close: () => server.close() };
}

describeInBrowser("the playground as static files", () => {
  it("works below a path, asks for nothing else, and works on without its server", async () => {
    const folder = join(playground.scratch, "site");
    const { model, weights, classes } = smallModel();
    const file = join(playground.scratch, "shapes.safetensors");
    const { view } = resolveView(model, {}, []);
    await writeSafetensors(file, weights, checkpointTexts({ model, classes, view }));
    await writePlayground(folder, new Map([["shapes", await openModel({ weights: file })]]));
    const site = await served(folder);
    const page = await (await playground.browser.newContext()).newPage();
    await page.goto(site.address);
    await page.getByText(/omputes in this page/).waitFor();
    const [picture] = await playground.pictures(3, 1);
    const classified = async () => {
      const panel = page.getByRole("tabpanel", { name: "Classify" });
      await panel.locator("input[type=file]").setInputFiles(picture);
      await page.getByText(/ms in this page/).waitFor();
      return page.getByRole("list", { name: "Most likely classes" }).getByRole("listitem").allInnerTexts();
    };
    const online = await classified();
    expect(online).toHaveLength(5);

    site.close();
    await page.context().setOffline(true);
    await page.reload();
    await page.getByText(/omputes in this page/).waitFor();
    expect(await classified()).toEqual(online);
    expect(site.elsewhere).toEqual([]);
    await page.context().close();
  });
});
