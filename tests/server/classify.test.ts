/** A server answers over a socket as the library does in the process. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { classifier, type ImageClassifier } from "../../src/index.js";
import { type RunningServer, serve } from "../../src/server/index.js";
import { image, tinyModel } from "./models.js";

let server: RunningServer;
let classify: ImageClassifier;
beforeAll(async () => {
  server = await serve(tinyModel(), { port: 0, engine: "onnx", workers: 1 });
  classify = await classifier(tinyModel(), { engine: "onnx" });
});
afterAll(async () => {
  await server.close();
  await classify.close();
});

const post = (body: RequestInit["body"], path = "/classify", headers: Record<string, string> = {}) =>
  fetch(`${server.url}${path}`, { method: "POST", body, headers });

describe("POST /classify", () => {
  it.each(["plain.jpg", "plain.png", "plain.webp", "grey.png", "one_pixel.png"])("answers %s", async (name) => {
    const bytes = await image(name);
    const answer = await post(bytes);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ model: "model", predictions: await classify(bytes) });
  });
  it("takes the bytes, a form or JSON, with options in the query or beside the image", async () => {
    const bytes = await image("plain.jpg");
    const form = new FormData();
    form.append("image", new Blob([bytes]), "cat.jpg");
    form.append("top", "2");
    const json = JSON.stringify({ image: bytes.toString("base64"), top: 2 });
    const answers = await Promise.all([
      post(bytes, "/classify?top=2"),
      post(form),
      post(json, "/classify", { "Content-Type": "application/json" }),
      post(bytes, "/models/model/classify?top=2", { "Content-Type": "image/jpeg" }),
    ]);
    // An engine adds up in another order for a batch of another size.
    const predictions = (await classify(bytes, { top: 2 })).map((one) => ({
      ...{ ...one, score: expect.closeTo(one.score, 6) },
    }));
    for (const answer of answers) expect(await answer.json()).toEqual({ model: "model", predictions });
  });
});
