/** A server answers over a socket as the library does in the process. */

import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { classifier, type ImageClassifier } from "../../src/index.js";
import { type RunningServer, serve } from "../../src/server/index.js";
import { bodyOf, closeTo, image, nativeModel, tinyModel } from "./models.js";

let server: RunningServer;
let classify: ImageClassifier;
beforeAll(async () => {
  const models = { one: tinyModel(), two: tinyModel(1), native: nativeModel() };
  server = await serve({ models }, { port: 0, engine: "onnx", workers: 1 });
  classify = await classifier(tinyModel(), { engine: "onnx" });
});
afterAll(async () => {
  await server.close();
  await classify.close();
});

const post = (body: RequestInit["body"], path = "/models/one/classify", headers: Record<string, string> = {}) =>
  fetch(`${server.url}${path}`, { method: "POST", body, headers });
const get = async (path: string) => bodyOf(await fetch(`${server.url}${path}`));

describe("POST /models/NAME/classify", () => {
  it.each(["plain.jpg", "plain.png", "plain.webp", "grey.png", "one_pixel.png"])("answers %s", async (name) => {
    const bytes = await image(name);
    const answer = await post(bytes);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ model: "one", predictions: await classify(bytes) });
  });
  it("takes the bytes, a form or JSON, with options in the query or beside the image", async () => {
    const bytes = await image("plain.jpg");
    const form = new FormData();
    form.append("image", new Blob([bytes]), "cat.jpg");
    form.append("top", "2");
    const base64 = bytes.toString("base64");
    const json = { "Content-Type": "application/json" };
    const answers = await Promise.all([
      post(bytes, "/models/one/classify?top=2"),
      post(bytes, "/models/one/classify?top=2", { "Content-Type": "image/jpeg" }),
      post(form),
      post(JSON.stringify({ image: base64, top: 2 }), undefined, json),
      post(JSON.stringify({ image: `data:image/jpeg;base64,${base64}` }), "/models/one/classify?top=2", json),
    ]);
    const predictions = closeTo(await classify(bytes, { top: 2 }));
    for (const answer of answers) expect(await answer.json()).toEqual({ model: "one", predictions });
  });
  it("runs images that arrive together as batches, and gives each its own answer", async () => {
    const names = ["plain.jpg", "plain.png", "grey.png", "one_pixel.png"];
    const images = await Promise.all(Array.from({ length: 16 }, (_, i) => image(names[i % names.length])));
    const answers = await Promise.all(images.map(async (bytes) => (await post(bytes)).json()));
    for (const [i, bytes] of images.entries())
      expect(answers[i]).toEqual({ model: "one", predictions: closeTo(await classify(bytes)) });
  });
  it("takes photos of several shapes at once, each seen in its native aspect ratio", async () => {
    const shapes = [
      [64, 48],
      [48, 64],
      [50, 50],
      [90, 40],
      [60, 40],
    ] as const;
    const photos = await Promise.all(
      Array.from({ length: 15 }, (_, i) => {
        const [width, height] = shapes[i % shapes.length];
        const background = { r: 16 * i, g: 255 - 16 * i, b: 90 };
        return sharp({ create: { width, height, channels: 3, background } })
          .png()
          .toBuffer();
      }),
    );
    await using native = await classifier(nativeModel(), { engine: "onnx" });
    const answers = await Promise.all(
      photos.map(async (bytes, i) => (await post(bytes, `/models/native/classify?attention=${i % 2 === 0}`)).json()),
    );
    for (const [i, bytes] of photos.entries()) {
      const [width, height] = shapes[i % shapes.length];
      const { predictions, attention } = answers[i] as { predictions: unknown; attention?: { grid: [number, number] } };
      expect(predictions).toEqual(closeTo(await native(bytes)));
      if (!attention) continue;
      expect(attention.grid).toEqual((await native.attention(bytes)).grid);
      expect(Math.sign(attention.grid[1] - attention.grid[0])).toBe(Math.sign(width - height));
    }
  });
  it("answers with the model of that name", async () => {
    const bytes = await image("plain.jpg");
    await using other = await classifier(tinyModel(1), { engine: "onnx" });
    expect(await (await post(bytes, "/models/two/classify")).json()).toEqual({
      model: "two",
      predictions: await other(bytes),
    });
  });
  it("adds attention and embedding if asked", async () => {
    const bytes = await image("plain.jpg");
    const answer = await (await post(bytes, "/models/one/classify?attention=true&embedding=class")).json();
    const { grid, heads, rollout } = await classify.attention(bytes);
    const near = (values: Float32Array) => Array.from(values, (value) => expect.closeTo(value, 5));
    expect(answer).toEqual({
      model: "one",
      predictions: closeTo(await classify(bytes)),
      attention: { grid, heads: heads.map(near), rollout: near(rollout) },
      embedding: near(await classify.embed(bytes)),
    });
    const patches = await bodyOf(await post(bytes, "/models/one/classify?embedding=patches"));
    expect(patches).not.toHaveProperty("attention");
    expect(patches.embedding).toEqual(near(await classify.embed(bytes, { from: "patches" })));
  });
});

describe("GET", () => {
  it("lists the models with classes and preprocessing", async () => {
    const models = await get("/models");
    expect(models.map(({ name }: { name: string }) => name)).toEqual(["one", "two", "native"]);
    expect(models[0]).toMatchObject({ classes: ["ant", "bee", "cat", "dog", "eel"], view: { imageSize: 32 } });
    expect(await get("/models/two")).toEqual(models[1]);
  });
  it("says that it lives and is ready", async () => {
    expect([await get("/health"), await get("/ready")]).toEqual([{ status: "ok" }, { status: "ready" }]);
  });
  it("counts requests and batches in the text format of Prometheus", async () => {
    await post(await image("plain.jpg"));
    await post("no image");
    const answer = await fetch(`${server.url}/metrics`);
    expect(answer.headers.get("content-type")).toContain("text/plain; version=0.0.4");
    const text = await answer.text();
    for (const line of text.trimEnd().split("\n"))
      expect(line).toMatch(/^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [\d.e+-]+)$/);
    const value = (name: string) =>
      Number(
        text
          .split("\n")
          .find((line) => line.startsWith(`${name} `))
          ?.split(" ")[1],
      );
    expect(value('deit_requests_total{route="/models/:name/classify",status="200"}')).toBeGreaterThan(0);
    expect(value('deit_requests_total{route="/models/:name/classify",status="422"}')).toBeGreaterThan(0);
    const images = value('deit_batch_images_sum{model="one"}');
    expect(images).toBeGreaterThanOrEqual(value('deit_batch_images_count{model="one"}'));
    expect(value('deit_batch_images_bucket{model="one",le="+Inf"}')).toBe(
      value('deit_batch_images_count{model="one"}'),
    );
  });
  it("describes itself in OpenAPI, whose options are those that are accepted", async () => {
    const description = await get("/openapi.json");
    expect(description.openapi).toMatch(/^3\./);
    const { parameters, responses } = description.paths["/models/{name}/classify"].post;
    expect(parameters.map(({ name }: { name: string }) => name)).toEqual(["name", "top", "attention", "embedding"]);
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(["200", "422", "503"]));
    expect(JSON.stringify(description)).not.toContain("$schema");
    // Every address that it names exists.
    for (const [path, methods] of Object.entries(description.paths))
      for (const method of Object.keys(methods as object)) {
        const address = `${server.url}${path.replace("{name}", "one")}`;
        expect([path, (await fetch(address, { method: method.toUpperCase() })).status]).not.toEqual([path, 404]);
      }
  });
});

it("shows the playground, isolated so that it computes with threads", async () => {
  const page = await fetch(server.url);
  expect(await page.text()).toContain("deit playground");
  expect(page.headers.get("cross-origin-opener-policy")).toBe("same-origin");
  expect(page.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
  expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
  const { models } = await bodyOf(await fetch(`${server.url}/playground.json`));
  expect(models.map(({ name }: { name: string }) => name)).toEqual(["one", "two", "native"]);
  // Weights are given out only if that was asked for.
  expect(models[0].weights).toBeUndefined();
  expect((await fetch(`${server.url}/models/one/weights`)).status).toBe(404);
  const wasm = await fetch(`${server.url}/ort/ort-wasm-simd-threaded.wasm`, { method: "HEAD" });
  expect(wasm.headers.get("content-type")).toBe("application/wasm");
});
