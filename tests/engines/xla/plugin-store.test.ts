import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { planPlugin } from "../../../src/engines/xla/plugins/catalogue.js";
import { listFiles } from "../../../src/engines/xla/plugins/package-index.js";
import { pipConfig } from "../../../src/engines/xla/plugins/pip-config.js";
import { PluginStore } from "../../../src/engines/xla/plugins/store.js";
import { pinnedPackages } from "../../../src/engines/xla/plugins/wheels.generated.js";
import { EngineError } from "../../../src/errors/errors.js";

const system = { platform: "linux", arch: "x64", glibc: "2.36" };
const library = "lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so";
const file = "lammps_jax_pjrt_cpu-0.11.2-py3-none-manylinux_2_27_x86_64.whl";

/** A zip with one stored file, written by hand (checksum of 0x2a repeated is computed here, not by the reader). */
function wheel(name: string, content: Buffer): Buffer {
  let crc = 0xffffffff;
  for (const byte of content) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  crc = (crc ^ 0xffffffff) >>> 0;
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(name.length, 26);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt32LE(crc, 16);
  central.writeUInt32LE(content.length, 20);
  central.writeUInt32LE(content.length, 24);
  central.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(46 + name.length, 12);
  end.writeUInt32LE(30 + name.length + content.length, 16);
  return Buffer.concat([local, Buffer.from(name), content, central, Buffer.from(name), end]);
}

const bytes = wheel(library, Buffer.alloc(200_000, 0x2a));
const sha256 = createHash("sha256").update(bytes).digest("hex");
const packages = {
  "lammps-jax-pjrt-cpu": { version: "0.11.2", wheels: [{ file, size: bytes.length, sha256 }] },
  "xla-cpu-pjrt": { version: "0.0.1", wheels: [] },
};

/** What the imitated index does wrong. */
interface Fault {
  html?: boolean;
  /** Bytes after which each answer is cut off. */
  cutAfter?: number;
  /** How many answers are cut. */
  cuts?: number;
  ignoreRanges?: boolean;
  tamper?: boolean;
  status?: number;
  redirect?: boolean;
  needsLogin?: boolean;
}

let server: Server;
let base: string;
let fault: Fault = {};
let requests: { path: string; range?: string }[] = [];
let folder: string;

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? "";
  requests.push({ path, range: request.headers.range });
  if (fault.needsLogin && request.headers.authorization !== `Basic ${Buffer.from("me:secret").toString("base64")}`) {
    response.writeHead(401).end();
  } else if (path === "/simple/lammps-jax-pjrt-cpu/") {
    const url = `../../files/${file}`;
    if (fault.html) {
      response.setHeader("content-type", "text/html");
      response.end(`<html><a href="${url}#sha256=${sha256}">${file}</a><a href="x">other&amp;more.whl</a></html>`);
    } else {
      response.setHeader("content-type", "application/vnd.pypi.simple.v1+json");
      response.end(JSON.stringify({ files: [{ filename: file, url, hashes: { sha256 }, size: bytes.length }] }));
    }
  } else if (path === `/files/${file}` && fault.redirect) {
    response.writeHead(302, { location: `/moved/${file}` }).end();
  } else if (path === `/files/${file}` || path === `/moved/${file}`) serve(request, response);
  else response.writeHead(404).end();
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  if (fault.status) {
    response.writeHead(fault.status).end();
    return;
  }
  const body = Buffer.from(bytes);
  if (fault.tamper) body[1000] ^= 1;
  const start = fault.ignoreRanges ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const rest = body.subarray(start);
  const headers: Record<string, string> = { "content-length": String(rest.length) };
  if (start > 0) headers["content-range"] = `bytes ${start}-${body.length - 1}/${body.length}`;
  response.writeHead(start > 0 ? 206 : 200, headers);
  if (fault.cutAfter !== undefined && (fault.cuts ?? 1) > 0) {
    fault.cuts = (fault.cuts ?? 1) - 1;
    // A moment for the bytes to be read: a reset connection takes what is still on its way with it.
    response.write(rest.subarray(0, fault.cutAfter), () => setTimeout(() => response.destroy(), 50));
  } else response.end(rest);
}

beforeAll(async () => {
  server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((done) => server.close(done)));
beforeEach(async () => {
  fault = {};
  requests = [];
  folder = await mkdtemp(join(tmpdir(), "deit-plugins-"));
  return () => rm(folder, { recursive: true });
});

const store = (address = `${base}/simple/`) =>
  new PluginStore({ folder, system, packages, pause: 1, pip: { indexes: [new URL(address)], folders: [] } });

describe("installing a plugin", () => {
  it("fetches, unpacks, lists, resolves and removes it", async () => {
    const progress: number[] = [];
    const plugins = store();
    const installed = await plugins.install("cpu", { onProgress: (done) => progress.push(done) });
    expect(installed.library).toBe(join(folder, "cpu", library));
    expect((await readFile(installed.library)).equals(Buffer.alloc(200_000, 0x2a))).toBe(true);
    expect(progress.at(-1)).toBe(bytes.length);
    expect(await plugins.list()).toEqual([installed]);
    expect(await plugins.resolve("cpu")).toEqual(installed);
    const before = requests.length;
    await plugins.install("cpu");
    expect(requests.length).toBe(before);
    expect(await plugins.remove("cpu")).toBe(true);
    expect(await plugins.remove("cpu")).toBe(false);
    await expect(plugins.resolve("cpu")).rejects.toThrow(/deit engine install cpu/);
  });

  it("reads an index in HTML, follows redirects and sends credentials of the address", async () => {
    fault = { html: true, redirect: true, needsLogin: true };
    await store(`${base.replace("//", "//me:secret@")}/simple/`).install("cpu");
    expect(requests.map((r) => r.path)).toContain(`/moved/${file}`);
  });

  it("continues where it was cut off, within one call and in the next", async () => {
    fault = { cutAfter: 60_000, cuts: 2 };
    await store().install("cpu");
    const starts = requests.filter((r) => r.path.startsWith("/files")).map((r) => Number(/\d+/.exec(r.range ?? "0")));
    expect(starts.length).toBe(3);
    expect(starts[0]).toBe(0);
    expect(starts[1]).toBeGreaterThan(0);
    expect(starts[2]).toBeGreaterThan(starts[1]);
  });

  it("keeps what has arrived when it gives up", async () => {
    fault = { cutAfter: 50_000, cuts: 1 };
    const failing = store();
    // After the first cut nothing more arrives.
    const broken = failing.install("cpu", {
      onProgress: (done) => {
        if (done > 40_000) fault.status = 503;
      },
    });
    await expect(broken).rejects.toThrow(/run the command again/);
    fault = {};
    requests = [];
    await store().install("cpu");
    expect(requests.find((r) => r.path.startsWith("/files"))?.range).toMatch(/^bytes=[1-9]\d*-$/);
  });

  it("starts over if the server does not support ranges", async () => {
    fault = { cutAfter: 60_000, cuts: 1, ignoreRanges: true };
    expect((await store().install("cpu")).version).toBe("0.11.2");
  });

  it("refuses a file that was tampered with and leaves nothing of it", async () => {
    fault = { tamper: true };
    await expect(store().install("cpu")).rejects.toThrow(/refused: its SHA-256 is/);
    expect(await store().list()).toEqual([]);
    expect(await readdir(join(folder, ".downloads"))).toEqual([]);
    fault = {};
    await store().install("cpu");
  });

  it("reports what an index or server returned instead of the file", async () => {
    fault = { status: 403 };
    await expect(store().install("cpu")).rejects.toThrow(/status 403/);
    await expect(store(`${base}/nothing/`).install("cpu")).rejects.toThrow(/answered 404.*PIP_INDEX_URL.*`wheel`/);
    await expect(store("http://127.0.0.1:9/simple/").install("cpu")).rejects.toThrow(/cannot be found/);
  });

  it("installs offline from a wheel or a folder of wheels, and checks them too", async () => {
    const path = join(folder, file);
    await writeFile(path, bytes);
    await store("http://127.0.0.1:9/").install("cpu", { wheel: path });
    await store().remove("cpu");
    await store("http://127.0.0.1:9/").install("cpu", { wheel: folder });
    await store().remove("cpu");
    await writeFile(path, Buffer.concat([bytes, Buffer.from("x")]));
    await expect(store().install("cpu", { wheel: path })).rejects.toThrow(/refused/);
    expect((await readFile(path)).length).toBe(bytes.length + 1);
  });

  it("can be interrupted and leaves the plugin that was there", async () => {
    await store().install("cpu");
    const newer = { ...packages, "lammps-jax-pjrt-cpu": { ...packages["lammps-jax-pjrt-cpu"], version: "0.12" } };
    const abort = new AbortController();
    const interrupted = new PluginStore({
      folder,
      system,
      packages: newer,
      pip: { indexes: [new URL(`${base}/simple/`)], folders: [] },
    }).install("cpu", { signal: abort.signal, onProgress: () => abort.abort(new EngineError("stopped")) });
    await expect(interrupted).rejects.toThrow("stopped");
    expect((await store().list())[0].version).toBe("0.11.2");
    expect((await readdir(folder)).filter((n) => n.endsWith(".lock"))).toEqual([]);
  });

  it("waits for an installation in another process and takes over an abandoned one", async () => {
    await writeFile(join(folder, ".cpu.lock"), "999999999");
    expect((await Promise.all([store().install("cpu"), store().install("cpu")])).length).toBe(2);
    expect(requests.filter((r) => r.path.startsWith("/files")).length).toBe(1);
  });
});

describe("the catalogue", () => {
  it("has pinned wheels for each plugin on the systems it exists for", () => {
    expect(planPlugin("cpu", system).wheels[0].project).toBe("lammps-jax-pjrt-cpu");
    expect(planPlugin("cpu", { ...system, arch: "arm64" }).wheels[0].project).toBe("xla-cpu-pjrt");
    for (const arch of ["x64", "arm64"]) {
      expect(planPlugin("cuda13", { ...system, arch }).wheels.length).toBe(14);
      expect(planPlugin("cuda12", { ...system, arch }).wheels.length).toBe(13);
    }
    for (const name of ["rocm", "oneapi", "tpu"] as const) expect(planPlugin(name, system).wheels.length).toBe(1);
    expect(planPlugin("metal", { platform: "darwin", arch: "arm64" }).wheels.length).toBe(1);
    for (const { wheels } of Object.values(pinnedPackages)) {
      for (const w of wheels) expect(w.sha256).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  it("reports where a plugin does not run", () => {
    expect(() => planPlugin("cpu", { ...system, glibc: "2.17" })).toThrow(/not built for this system.*glibc 2.17/);
    expect(() => planPlugin("cpu", { ...system, glibc: undefined })).toThrow(/no glibc/);
    expect(() => planPlugin("metal", system)).toThrow(/Apple GPUs/);
    expect(() => planPlugin("nonsense" as "cpu", system)).toThrow(/choose one of cpu/);
  });
});

describe("pip's configuration", () => {
  it("is read from files and variables in pip's order", async () => {
    await writeFile(
      join(folder, "pip.conf"),
      "[global]\nindex-url = http://a.test/simple\ncert=/c.pem\nextra-index-url =\n  http://b.test/s\n  http://c.test/s\n[wheel]\nindex-url = http://no.test\n",
    );
    const env = {
      PIP_CONFIG_FILE: join(folder, "pip.conf"),
      HOME: folder,
      XDG_CONFIG_DIRS: folder,
      XDG_CONFIG_HOME: folder,
    };
    const { indexes, certificates } = pipConfig(env, "linux");
    expect(indexes.map(String)).toEqual(["http://a.test/simple/", "http://b.test/s/", "http://c.test/s/"]);
    expect(certificates).toBe("/c.pem");
    const over = pipConfig({ ...env, PIP_INDEX_URL: "http://d.test/simple/", PIP_FIND_LINKS: "/wheels http://x.test" });
    expect(over.indexes[0].href).toBe("http://d.test/simple/");
    expect(over.folders).toEqual(["/wheels"]);
  });

  it("names every index that failed", async () => {
    const indexes = [new URL(`${base}/one/`), new URL(`${base}/two/`)];
    await expect(listFiles("Some_Package", { indexes, folders: [] })).rejects.toThrow(
      /one\/some-package\/ answered 404; .*two\/some-package\/ answered 404/,
    );
  });
});
