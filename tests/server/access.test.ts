/** Tokens, web pages of other origins, too many requests, and the end of a server. */
import { request } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { type RunningServer, type ServeOptions, serve } from "../../src/server/index.js";
import { bodyOf, image, tinyModel } from "./models.js";

let server: RunningServer | undefined;
afterEach(() => server?.close());

async function started(options: ServeOptions): Promise<RunningServer> {
  server = await serve(tinyModel(), { port: 0, engine: "onnx", workers: 1, ...options });
  return server;
}

describe("a token", () => {
  it("is needed for all but /health and /ready, as bearer or as a password", async () => {
    const { url } = await started({ token: "secret" });
    const status = async (path: string, authorization?: string) =>
      (await fetch(`${url}${path}`, authorization ? { headers: { Authorization: authorization } } : {})).status;
    const basic = (password: string) => `Basic ${Buffer.from(`me:${password}`).toString("base64")}`;
    expect([await status("/health"), await status("/ready")]).toEqual([200, 200]);
    for (const path of ["/models", "/metrics", "/openapi.json", "/nothing"]) expect(await status(path)).toBe(401);
    for (const wrong of ["Bearer wrong", "Bearer secret2", "Bearer", "secret", basic("wrong"), "Basic secret"])
      expect([wrong, await status("/models", wrong)]).toEqual([wrong, 401]);
    for (const right of ["Bearer secret", "bearer secret", basic("secret")])
      expect([right, await status("/models", right)]).toEqual([right, 200]);
    const described = await fetch(`${url}/openapi.json`, { headers: { Authorization: "Bearer secret" } });
    const { paths, security } = await bodyOf(described);
    expect(security).toEqual([{ token: [] }]);
    const open = Object.keys(paths).filter((path) => paths[path].get?.security?.length === 0);
    expect(open).toEqual(["/health", "/ready"]);
    const refused = await fetch(`${url}/classify`, { method: "POST", body: await image("plain.jpg") });
    expect(refused.headers.get("www-authenticate")).toContain("Bearer");
    expect(await refused.json()).toEqual({ error: expect.stringContaining("Authorization: Bearer TOKEN") });
  });
});

describe("web pages of other origins", () => {
  const from = (url: string, origin: string) => fetch(`${url}/models`, { headers: { Origin: origin } });
  it("may read answers only if they are named", async () => {
    const { url } = await started({ origins: ["https://example.org"] });
    const allowed = async (origin: string) => (await from(url, origin)).headers.get("access-control-allow-origin");
    expect(await allowed("https://example.org")).toBe("https://example.org");
    expect(await allowed("https://evil.example")).toBeNull();
  });
  it("may not by default", async () => {
    const { url } = await started({});
    expect((await from(url, "https://example.org")).headers.get("access-control-allow-origin")).toBeNull();
  });
});

/** A request whose head and first bytes the server has received; `finish` sends the rest. */
async function begun(url: string, body: Buffer, more: Record<string, string> = {}, path = "/classify") {
  const sent = request(`${url}${path}`, { method: "POST", headers: { "Content-Length": body.length, ...more } });
  const answer = new Promise<{ status: number; text: string }>((resolve, reject) => {
    sent.on("error", reject);
    sent.on("response", async (response) => {
      let text = "";
      for await (const piece of response) text += piece;
      resolve({ status: response.statusCode ?? 0, text });
    });
  });
  sent.write(body.subarray(0, 10));
  const inFlight = async () => /deit_requests_in_flight (\d+)/.exec(await (await fetch(`${url}/metrics`)).text())?.[1];
  while ((await inFlight()) !== "1") await new Promise((resolve) => setImmediate(resolve));
  return { answer, finish: () => sent.end(body.subarray(10)) };
}

it("answers no more requests at once than allowed, and says when to come back", async () => {
  const { url } = await started({ maxRequests: 1 });
  const photo = await image("plain.jpg");
  const first = await begun(url, photo);
  const refused = await fetch(`${url}/classify`, { method: "POST", body: photo });
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await refused.json()).toEqual({ error: expect.stringContaining("try again") });
  first.finish();
  expect((await first.answer).status).toBe(200);
  expect((await fetch(`${url}/classify`, { method: "POST", body: photo })).status).toBe(200);
});

it("limits the requests of each model by themselves", async () => {
  server = await serve(
    { models: { one: tinyModel(), two: tinyModel(1) } },
    { port: 0, engine: "onnx", workers: 1, maxRequests: 1 },
  );
  const { url } = server;
  const photo = await image("plain.jpg");
  const first = await begun(url, photo, {}, "/models/one/classify");
  const status = async (name: string) =>
    (await fetch(`${url}/models/${name}/classify`, { method: "POST", body: photo })).status;
  expect([await status("one"), await status("two")]).toEqual([503, 200]);
  first.finish();
  expect((await first.answer).status).toBe(200);
});

it("names the model that cannot be served, if there are several", async () => {
  const models = { one: tinyModel(), two: "nowhere.safetensors" };
  await expect(serve({ models }, { port: 0, engine: "onnx" })).rejects.toThrow(
    /^The model "two" cannot be served: .*nowhere\.safetensors/,
  );
});

it("notes that everyone may use it, if others can reach it and it has no token", async () => {
  expect((await started({})).notes).toEqual([]);
  await server?.close();
  expect((await started({ host: "0.0.0.0" })).notes).toEqual([expect.stringContaining('"0.0.0.0"')]);
  await server?.close();
  expect((await started({ host: "0.0.0.0", token: "secret" })).notes).toEqual([]);
});

it("answers what is in flight when it is closed, and nothing after", async () => {
  const { url, close } = await started({});
  const first = await begun(url, await image("plain.jpg"));
  const closed = close();
  first.finish();
  const { status, text } = await first.answer;
  expect([status, JSON.parse(text).predictions]).toEqual([200, expect.any(Array)]);
  await closed;
  await expect(fetch(`${url}/health`)).rejects.toThrow();
});

it("says which port is taken, and refuses senseless settings", async () => {
  const { url } = await started({});
  const port = Number(new URL(url).port);
  await expect(serve(tinyModel(), { port, engine: "onnx", workers: 1 })).rejects.toThrow(/listens on port \d+.*`port`/);
  const refused = async (options: object) => expect(serve(tinyModel(), options)).rejects;
  await (await refused({ maxBatch: 0 })).toThrow("The option maxBatch of serve is 0; give a whole number, 1 or more.");
  await (await refused({ maxBach: 4 })).toThrow(/^serve has no option "maxBach".*maxBatch/);
  await (await refused({ engine: "xla", instances: 0 })).toThrow("instances");
  await expect(serve({ models: {} })).rejects.toThrow("no model to serve");
  await expect(serve({ models: { "a/b": tinyModel() } })).rejects.toThrow('"a/b" cannot be the name');
});
