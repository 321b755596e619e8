/** The pages of training runs, and the news of their changes. */
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { train } from "../../src/index.js";
import { type RunningServer, serve } from "../../src/server/index.js";
import { tinyModel } from "./models.js";

let scratch: string;
let server: RunningServer;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-serve-runs-"));
  const sizes = { model: "deit", imageSize: 32, patchSize: 8, width: 32, depth: 2, heads: 2 };
  for (const seed of [0, 1]) {
    const recipe = { ...sizes, epochs: 1, batchSize: 16, repeatedAugmentation: 1, seed };
    const output = join(scratch, `run <${seed}>`);
    await (await train("procedural:32:32", { recipe, engine: "onnx", output, workers: 0 })).finished;
  }
  await writeFile(join(scratch, "run <0>", "report.html"), "<p>the report</p>");
  server = await serve(tinyModel(), { port: 0, engine: "onnx", workers: 1, runs: scratch });
});
afterAll(async () => {
  await server.close();
  await rm(scratch, { recursive: true, force: true });
});

const get = (path: string) => fetch(`${server.url}${path}`);
const named = (...seeds: number[]) => seeds.map((seed) => `run=${encodeURIComponent(`run <${seed}>`)}`).join("&");

describe("/runs", () => {
  it("lists the runs with links, their names as text", async () => {
    const page = await (await get("/runs")).text();
    expect(page).toContain("1 of 1");
    expect(page).toContain("run &lt;0&gt;");
    expect(page).not.toContain("run <0>");
    expect(page).toContain(`/runs/report?${named(0)}`);
    expect(page).not.toContain(`/runs/report?${named(1)}`);
  });
  it("shows one run with its curves, and several compared", async () => {
    const one = await (await get(`/runs/show?${named(0)}`)).text();
    expect(one).toMatch(/<svg[\s\S]*Top-1 accuracy/);
    expect(one).toContain('<script type="module" src="/runs/live.js">');
    expect(await (await get(`/runs/show?${named(0, 1)}`)).text()).toContain("The runs at their best epoch");
  });
  it("shows some of the images of one run with their classes", async () => {
    let page = "";
    do page = await (await get(`/runs/show?${named(0)}`)).text();
    while (page.includes("The images are being read"));
    expect(page.match(/<figure class="thumbnail"><img [^>]+alt="An image of \w+"/g)).toHaveLength(12);
    expect(await (await get(`/runs/show?${named(0, 1)}`)).text()).not.toContain('id="samples"');
  });
  it("says on a page why a run cannot be shown, to whoever opens it in a browser", async () => {
    const headers = { Accept: "text/html,*/*;q=0.8" };
    const answer = await fetch(`${server.url}/runs/show?run=gone`, { headers });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([404, "text/html; charset=UTF-8"]);
    expect(await answer.text()).toContain("There is no run &quot;gone&quot;");
  });
  it("lists a run that is damaged or half-written, and shows the others", async () => {
    const broken = join(scratch, "broken");
    await mkdir(broken);
    await writeFile(join(broken, "run.json"), "{");
    await writeFile(join(broken, "recipe.json"), "{}");
    const page = await (await get("/runs")).text();
    expect(page).toContain("broken cannot be read");
    expect(page).toContain("run &lt;0&gt;");
    expect((await get("/runs/show?run=broken")).status).toBe(422);
    await rm(broken, { recursive: true });
    expect((await get("/runs/show?run=broken")).status).toBe(404);
  });
  it("shows a report without letting it run anything", async () => {
    const answer = await get(`/runs/report?${named(0)}`);
    expect(await answer.text()).toBe("<p>the report</p>");
    expect(answer.headers.get("content-security-policy")).toContain("sandbox");
    expect((await get(`/runs/report?${named(1)}`)).status).toBe(404);
  });
  it.each(["../..", "/etc", "run <2>", ""])("refuses the name %j", async (name) => {
    const answer = await get(`/runs/show?run=${encodeURIComponent(name)}`);
    expect([answer.status, await answer.json()]).toEqual([404, { error: expect.stringContaining("no run") }]);
  });
  it("tells those who watch when a log grows, and when the server stops", async () => {
    const events = await get("/runs/events");
    expect(events.headers.get("content-type")).toContain("text/event-stream");
    const log = join(scratch, "run <1>", "log.jsonl");
    const before = await readFile(log, "utf8");
    let text = "";
    const decoder = new TextDecoder();
    // The first look at the files may come after this line: it grows until somebody is told.
    const growing = setInterval(() => void appendFile(log, before.split("\n")[0].concat("\n")), 300);
    let closed: Promise<void> | undefined;
    for await (const piece of events.body as AsyncIterable<Uint8Array>) {
      text += decoder.decode(piece, { stream: true });
      if (closed || !text.includes("event: change")) continue;
      clearInterval(growing);
      closed = server.close();
    }
    expect(text).toContain("event: change");
    await closed;
  });
});

it("refuses a folder of runs that is not there", async () => {
  await expect(serve(tinyModel(), { port: 0, runs: join(scratch, "none") })).rejects.toThrow("none");
});
