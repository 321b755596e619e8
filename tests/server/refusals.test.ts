/** What a server refuses, with which status and sentence; afterwards it still answers. */
import { connect } from "node:net";
import { deflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createModel, initialize } from "../../src/index.js";
import { type RunningServer, type ServeOptions, serve } from "../../src/server/index.js";
import { bodyOf, image, tinyModel } from "./models.js";

const options: ServeOptions = { port: 0, engine: "onnx", workers: 1, maxBodyBytes: 100_000, maxPixels: 1_000_000 };
let server: RunningServer;
let photo: Buffer<ArrayBuffer>;
beforeAll(async () => {
  const regnet = createModel("regnety", { imageSize: 32, classes: 5 });
  const models = { tiny: tinyModel(), convnet: { model: regnet, weights: initialize(regnet, 0) } };
  server = await serve({ models }, { ...options, requestTimeout: 2000 });
  photo = await image("plain.jpg");
});
afterAll(async () => {
  expect((await post(photo)).status).toBe(200);
  await server.close();
});

const post = (body: RequestInit["body"], path = "/models/tiny/classify", headers: Record<string, string> = {}) =>
  fetch(`${server.url}${path}`, { method: "POST", body, headers });

async function refusal(answer: Response | Promise<Response>): Promise<readonly [number, string]> {
  const { status, headers } = await answer;
  expect(headers.get("content-type")).toContain("application/json");
  const { error, ...rest } = await bodyOf(await answer);
  expect(rest).toEqual({});
  expect(error).toMatch(/^["A-Z].*\.$/);
  return [status, error];
}

/** A PNG that claims that many pixels; it is black, which compresses to almost nothing, and cut off at row 100. */
function bomb(width: number, height: number): Buffer<ArrayBuffer> {
  const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c;
  });
  const chunk = (type: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    let crc = 0xffffffff;
    for (const byte of body) crc = crcTable[(crc ^ byte) & 255] ^ (crc >>> 8);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE((crc ^ 0xffffffff) >>> 0);
    return Buffer.concat([length, body, check]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const rows = deflateSync(Buffer.alloc(Math.min(height, 100) * (width + 1)));
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    ...[chunk("IHDR", header), chunk("IDAT", rows), chunk("IEND", Buffer.alloc(0))],
  ]);
}

describe("an image", () => {
  it.each([
    ["that is none", () => Buffer.from("root:x:0:0"), /not an image that can be read; send another image/],
    ["that is cut short", () => photo.subarray(0, photo.length / 2), /cut short|damaged/],
    ["of more pixels than allowed", () => bomb(2000, 1000), /2000×1000 pixels, more than the limit of 1000000/],
    ["that claims billions of pixels", () => bomb(60_000, 50_000), /more than the limit of 1000000/],
    [
      "in a format that is not read",
      () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
      /SVG|not an image/,
    ],
  ])("%s gets status 422", async (_, bytes, reason) => {
    expect(await refusal(post(bytes()))).toEqual([422, expect.stringMatching(reason)]);
  });
  it("of more bytes than allowed gets status 413, announced or not", async () => {
    const large = Buffer.alloc(200_000);
    expect(await refusal(post(large))).toEqual([413, expect.stringContaining("larger than 0.1 MiB")]);
    const stream = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 4; i++) controller.enqueue(new Uint8Array(large.subarray(0, 50_000)));
        controller.close();
      },
    });
    const chunked = { method: "POST", body: stream, duplex: "half" } as const;
    expect((await refusal(fetch(`${server.url}/models/tiny/classify`, chunked)))[0]).toBe(413);
  });
});

describe("a form", () => {
  const json = { "Content-Type": "application/json" };
  const form = (fill: (form: FormData) => void) => {
    const made = new FormData();
    fill(made);
    return made;
  };
  it.each<readonly [string, () => Promise<Response>, RegExp]>([
    ["an empty body", () => post(""), /empty; send an image/],
    ["no JSON", () => post("{", undefined, json), /is no JSON/],
    ["JSON that is not UTF-8", () => post(new Uint8Array([0xff]), undefined, json), /not UTF-8/],
    ["nested JSON", () => post("[".repeat(1000), undefined, json), /nests its values/],
    ["JSON without an image", () => post('{"url":"http://example.org/a.jpg"}', undefined, json), /no text "image"/],
    ["what is not base64", () => post('{"image":"http://example.org/a.jpg"}', undefined, json), /not base64/],
    ["almost base64", () => post(`{"image":"${"A".repeat(1000)}!"}`, undefined, json), /not base64/],
    ["a form without a file", () => post(form((f) => f.append("image", "text"))), /0 files/],
    [
      "a form with two files",
      () =>
        post(
          form((f) => {
            f.append("a", new Blob([photo]));
            f.append("b", new Blob([photo]));
          }),
        ),
      /2 files/,
    ],
    [
      "a form of many parts",
      () =>
        post(
          form((f) => {
            for (let i = 0; i < 40; i++) f.append(`a${i}`, "");
          }),
        ),
      /more than 32 parts/,
    ],
    ["a form without its boundary", () => post("x", undefined, { "Content-Type": "multipart/form-data" }), /boundary/],
    [
      "a form that is cut short",
      () => post("--x\r\nContent-Di", undefined, { "Content-Type": "multipart/form-data; boundary=x" }),
      /malformed or cut short/,
    ],
    ["an unknown option", () => post(photo, "/models/tiny/classify?tops=1"), /no option "tops".*top, attention/],
    ["a wrong option", () => post(photo, "/models/tiny/classify?top=0"), /option top is "0". It must be a whole/],
    ["an unknown option in a form", () => post('{"image":"aaaa","url":"x"}', undefined, json), /no option "url"/],
    ...["1e1", "0x1", "%202", "1.5", ""].map(
      (top) =>
        [
          `top=${top}`,
          () => post(photo, `/models/tiny/classify?top=${top}`),
          /must be a whole number, 1 or more/,
        ] as const,
    ),
    [
      "a wrong kind of option",
      () => post(`{"image":"${photo.toString("base64")}","top":true}`, undefined, json),
      /option top is true. It must be a whole/,
    ],
    ["an option given twice", () => post(photo, "/models/tiny/classify?top=1&top=2"), /"top" is given 2 times/],
    [
      "an option given twice in a form",
      () =>
        post(
          form((f) => {
            f.append("image", new Blob([photo]));
            f.append("top", "1");
            f.append("top", "2");
          }),
        ),
      /"top" is given 2 times/,
    ],
    [
      "an option in the query and beside the image",
      () => post(`{"image":"${photo.toString("base64")}","top":1}`, "/models/tiny/classify?top=2", json),
      /"top" is given 2 times/,
    ],
    ["no flag", () => post(photo, "/models/tiny/classify?attention=yes"), /attention is "yes". It must be true or fal/],
    ["one of several models that is not named", () => post(photo, "/classify"), /\/models\/tiny\/classify or/],
  ])("with %s gets status 400", async (_, send, reason) => {
    expect(await refusal(send())).toEqual([400, expect.stringMatching(reason)]);
  });
  it("that is compressed gets status 415", async () => {
    expect(await refusal(post(photo, undefined, { "Content-Encoding": "gzip" }))).toEqual([
      415,
      expect.stringContaining("without a content encoding"),
    ]);
  });
});

describe("a request", () => {
  it("for what there is not gets status 404 or 405", async () => {
    expect(await refusal(post(photo, "/models/big/classify"))).toEqual([404, expect.stringMatching(/"big".*tiny/)]);
    expect((await refusal(fetch(`${server.url}/etc/passwd`)))[0]).toBe(404);
    const answer = await fetch(`${server.url}/models/tiny/classify`);
    expect(answer.headers.get("allow")).toBe("POST");
    expect((await refusal(answer))[0]).toBe(405);
  });
  it("by another method than its address takes gets status 405", async () => {
    for (const [method, path, allowed] of [
      ["PUT", "/classify", "POST"],
      ["OPTIONS", "/models/tiny/classify", "POST"],
      ["POST", "/models", "GET, HEAD"],
      ["DELETE", "/models/tiny", "GET, HEAD"],
      ["OPTIONS", "/health", "GET, HEAD"],
      ["POST", "/", "GET, HEAD"],
    ]) {
      const answer = await fetch(`${server.url}${path}`, { method });
      expect([path, answer.headers.get("allow")]).toEqual([path, allowed]);
      expect((await refusal(answer))[0]).toBe(405);
    }
    const head = await fetch(`${server.url}/models`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });
  it("without a host, or one that is none, gets status 400; HTTP/1.0 needs none", async () => {
    const { hostname, port } = new URL(server.url);
    const answer = (head: string) => raw(hostname, port, `${head}Connection: close\r\n\r\n`);
    expect(await answer("GET /models HTTP/1.1\r\nHost: a b\r\n")).toMatch(/^HTTP\/1.1 400 .*malformed/s);
    expect(await answer("GET /models HTTP/1.1\r\n")).toMatch(/^HTTP\/1.1 400 .*missing or malformed/s);
    expect(await answer("GET /health HTTP/1.0\r\n")).toMatch(/^HTTP\/1.1 200 /);
  });
  it("that expects what there is not gets status 417", async () => {
    const { hostname, port } = new URL(server.url);
    const head =
      "POST /models/tiny/classify HTTP/1.1\r\nHost: localhost\r\nExpect: more\r\nContent-Length: 3\r\n\r\nabc";
    expect(await raw(hostname, port, head)).toMatch(/^HTTP\/1.1 417 .*leave out/s);
  });
  it("that is followed by more bytes than its length gets an answer, and they status 400", async () => {
    const { hostname, port } = new URL(server.url);
    const head = "POST /models/tiny/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n";
    const answer = await raw(hostname, port, `${head}no image at all`);
    expect(answer).toMatch(/HTTP\/1.1 400 .*not a request/s);
  });
  it("to look into a model that cannot be looked into gets status 422", async () => {
    expect(await refusal(post(photo, "/models/convnet/classify?attention=true"))).toEqual([
      422,
      expect.stringContaining("needs a vision transformer"),
    ]);
  });
  it("for another name than this machine's gets status 403", async () => {
    const { hostname, port } = new URL(server.url);
    const answer = await raw(hostname, port, "GET /models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1.1 403 .*only requests for localhost/s);
  });
  it("that is none gets status 400", async () => {
    const { hostname, port } = new URL(server.url);
    expect(await raw(hostname, port, "\x16\x03\x01 what\r\n\r\n")).toMatch(/^HTTP\/1.1 400 .*not a request/s);
  });
  it("that stops halfway gets status 408", async () => {
    const { hostname, port } = new URL(server.url);
    const head = "POST /models/tiny/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc";
    expect(await raw(hostname, port, head)).toMatch(/^HTTP\/1.1 408 .*not complete in time/s);
  });
});

/** Everything that the server sends until it ends the connection. */
function raw(host: string, port: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(Number(port), host, () => socket.write(text));
    socket.on("data", (data) => {
      answer += data.toString();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
  });
}
