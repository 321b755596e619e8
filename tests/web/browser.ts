/** A headless Chromium with a page that holds `deit/web` as built, and a server for it. */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { build, type Rolldown } from "vite";
import { describe } from "vitest";
import { root } from "../cli/run.js";
import { chromiumPath } from "../setup/browser.js";

/**
 * The chunks of an entry point as a page gets them, ONNX Runtime left out: built as an application, since what Vite builds as a
 * library keeps its white space.
 */
export async function bundle(entry: string): Promise<readonly Rolldown.OutputChunk[]> {
  const built = (await build({
    configFile: false,
    root,
    logLevel: "warn",
    build: {
      write: false,
      minify: true,
      rollupOptions: {
        input: join(root, entry),
        preserveEntrySignatures: "strict",
        external: [/^onnxruntime-web/, /^node:/],
        output: { entryFileNames: "index.js", chunkFileNames: "[name]-[hash].js" },
      },
    },
  })) as Rolldown.RolldownOutput;
  return built.output.filter((o): o is Rolldown.OutputChunk => o.type === "chunk");
}

const types: Readonly<Record<string, string>> = {
  ".mjs": "text/javascript",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
  ".html": "text/html",
};

const page = `<!doctype html><meta charset="utf-8"><title>deit/web</title>
<script type="importmap">{"imports":{
  "deit/web": "/deit/index.js",
  "onnxruntime-web/wasm": "/ort/ort.wasm.bundle.min.mjs",
  "onnxruntime-web/webgpu": "/ort/ort.webgpu.bundle.min.mjs"
}}</script>
<link rel="icon" href="data:,"><script type="module">globalThis.deit = await import("deit/web"); globalThis.ready = true;</script>`;

const withAddresses = (code: string): string =>
  code.replace(/(["'`])onnxruntime-web\/(wasm|webgpu)\1/g, '"/ort/ort.$2.bundle.min.mjs"');

/** Tests in the browser: skipped where there is none, but not in CI. */
export const describeInBrowser = describe.skipIf(!process.env.CI && chromiumPath === undefined);

/** What is served besides the page: paths to bytes, or to files. */
export type Served = ReadonlyMap<string, Uint8Array | string>;

/** A page in Chromium and its server. */
export class Site {
  private constructor(
    readonly server: Server,
    readonly browser: Browser,
    readonly address: string,
  ) {}

  /** `flags` are for Chromium. */
  static async open(served: Served, flags: readonly string[] = []): Promise<Site> {
    const chunks = await bundle("dist/web/index.js");
    const files = new Map<string, Uint8Array | string>([
      ...served,
      ["/index.html", Buffer.from(page)],
      ["/alone/index.html", Buffer.from(page)],
      ...chunks.map((c) => [`/deit/${c.fileName}`, Buffer.from(c.code)] as const),
      // Import maps hold in pages only; for workers, bundlers write addresses.
      ...chunks.map((c) => [`/deit-in-workers/${c.fileName}`, Buffer.from(withAddresses(c.code))] as const),
    ]);
    const server = createServer(async (request, response) => {
      const path = new URL(request.url!, "http://localhost").pathname;
      const found = files.get(path);
      const ort = /^\/ort\/([\w.-]+)$/.exec(path);
      const file = ort ? join(root, "node_modules/onnxruntime-web/dist", ort[1]) : found;
      const body = typeof file === "string" ? await readFile(file).catch(() => undefined) : file;
      const alone = path.startsWith("/alone/");
      response.writeHead(body ? 200 : 404, {
        "content-type": types[extname(path)] ?? "application/octet-stream",
        ...(alone
          ? {}
          : { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" }),
        "cross-origin-resource-policy": "same-origin",
      });
      response.end(body);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox", ...flags] });
    return new Site(server, browser, `http://localhost:${(server.address() as AddressInfo).port}`);
  }

  /** A page with the module as `deit`; cross-origin isolated unless `alone`. */
  async page({ isolated = true } = {}): Promise<Page> {
    const opened = await (await this.browser.newContext()).newPage();
    opened.on("pageerror", (error) => console.error("page:", error));
    opened.on("console", (message) => {
      if (message.type() === "error") console.error("page:", message.text());
    });
    await opened.goto(`${this.address}/${isolated ? "" : "alone/"}index.html`);
    await opened.waitForFunction("globalThis.ready === true");
    return opened;
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.server.closeAllConnections();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }
}
