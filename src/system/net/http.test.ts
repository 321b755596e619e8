import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { download } from "./download.js";
import { request, text } from "./http.js";
import { networkReason } from "./network-reason.js";
import { paced } from "./paced.js";

let server: Server;
let host: string;
let folder: string;
let answer: RequestListener;
let asked: string[];
beforeEach(async () => {
  asked = [];
  server = createServer((q, r) => {
    asked.push(`${q.method} ${q.url}`);
    answer(q, r);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  folder = await mkdtemp(join(tmpdir(), "deit-http-"));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

/** An endless body, sent as long as it is being read. */
const endless =
  (status: number, headers = {}): RequestListener =>
  (_, response) => {
    const push = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on("drain", push).writeHead(status, headers);
    push();
  };
/** Resolves when the last connection is closed: no unwanted body is read further. */
const allGone = () => new Promise((resolve) => server.close(resolve)).finally(() => server.listen(0, "127.0.0.1"));

/** Waits until this many bytes are in the file: bytes still buffered when a connection breaks are lost. */
async function keptUpTo(bytes: number): Promise<void> {
  while (((await stat(join(folder, "x.part")).catch(() => undefined))?.size ?? 0) < bytes) await sleep(2);
}

const fetched = (more = {}) => download(new URL(`${host}/x`), join(folder, "x"), { pause: 1, ...more });

describe("a response that nobody waits for", () => {
  it.each([
    [404, {}, "answered with status 404"],
    [500, {}, "status 500"],
    [302, { location: "/x" }, "redirects too often"],
    [200, {}, "longer than the 100000 bytes"],
  ])("is cut off: status %i %o", async (status, headers, message) => {
    answer = endless(status, headers);
    await expect(fetched({ atMost: 100_000 })).rejects.toThrow(message);
    await allGone();
    expect(await readdir(folder)).toEqual([]);
  });

  it("is not read as text beyond the limit", async () => {
    answer = endless(200);
    await expect(text(await request(new URL(host)), 1e6)).rejects.toThrow("more than 1000000 bytes");
    await allGone();
  });
});

describe("a redirect", () => {
  it.each([
    ["file:///etc/passwd", "begins with file:"],
    ["http://[::bad", "something that is not an address"],
    ["ftp://127.0.0.1/x", "begins with ftp:"],
    ["http://169.254.169.254/latest", "this machine's own network"],
    ["http://2852039166/latest", "this machine's own network"],
    ["http://[::ffff:169.254.169.254]/", "this machine's own network"],
    ["http://[fe80::1]/", "this machine's own network"],
  ])("to %s is refused at once", async (location, message) => {
    answer = (_, response) => response.writeHead(302, { location }).end();
    await expect(fetched()).rejects.toThrow(message);
    expect(asked).toEqual(["GET /x"]);
  });
});

describe("a sender that gives next to nothing", () => {
  it("is given up after too much waiting, whatever its pieces; the reader's own time is not counted", async () => {
    let now = 0;
    const sender = async function* (size: number, pause: number) {
      for (let i = 0; i < 1000; i++) {
        now += pause;
        yield Buffer.alloc(size);
      }
    };
    const read = async (size: number, pause: number, own: number) => {
      let got = 0;
      for await (const piece of paced(sender(size, pause), undefined, () => now)) {
        got += piece.length;
        now += own;
      }
      return got;
    };
    await expect(read(1, 1000, 0)).rejects.toThrow("only 60 bytes came in 60 s");
    await expect(read(500, 1000, 0)).rejects.toThrow("only 30000 bytes");
    expect(await read(1000, 1000, 0)).toBe(1_000_000);
    expect(await read(1, 1, 60_000)).toBe(1000);
  });

  it("is given up when each connection brings a byte, and not when each brings a piece", async () => {
    const total = 40_000;
    let piece = 1;
    answer = ({ headers: { range = "bytes=0-" } }, response) => {
      const from = Number(/\d+/.exec(range)?.[0]);
      response.writeHead(from > 0 ? 206 : 200, {
        "content-length": total - from,
        "content-range": `bytes ${from}-${total - 1}/${total}`,
      });
      if (from + piece >= total) response.end(Buffer.alloc(total - from));
      else response.write(Buffer.alloc(piece), () => void keptUpTo(from + piece).then(() => response.destroy()));
    };
    await expect(fetched({ size: total })).rejects.toThrow(/failed 5 times \(the connection was broken off\)/);
    expect(asked).toHaveLength(5);
    piece = 5000;
    await fetched({ size: total });
    expect(asked.length).toBeGreaterThan(5 + 6);
  });

  it("is given up before its response starts", async () => {
    answer = () => undefined;
    await expect(request(new URL(host), { idleMilliseconds: 50 })).rejects.toThrow("no answer for 0.05 s");
  });
});

it("explains in words why a connection failed", async () => {
  server.closeAllConnections();
  const failure = await request(new URL("http://127.0.0.1:9/x")).catch((error: unknown) => error);
  expect(networkReason(failure)).toBe("nothing listens at that address");
  expect(networkReason(new Error("getaddrinfo \u001b[31m"))).toBe("the connection failed");
  await expect(request(new URL("file:///etc/passwd"))).rejects.toThrow('"file:" is not a web address');
});
