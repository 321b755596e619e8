/** Where `deit/web` finds models: files, folders, zips, the browser's storage, also in a web worker. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { classifier, exportModel, type Prediction } from "../../src/index.js";
import type * as Web from "../../src/web/index.js";
import { root } from "../cli/run.js";
import { microCheckpoint } from "../export/models.js";
import { describeInBrowser, Site } from "./browser.js";
import { smallClasses, writeSmall } from "./small.js";

declare const deit: typeof Web;

const worker = `
import { classifier } from "/deit-in-workers/index.js";
onmessage = async ({ data }) => {
  const classify = await classifier(data.weights);
  const [best] = await classify(await createImageBitmap(data.picture));
  await classify.close();
  postMessage(best);
};`;

let scratch: string;
let site: Site;
let page: Page;
let deit3: readonly Prediction[];

/** What a piece of code in the page resolves to; the message of its error. */
const inPage = (code: string, on: Page = page): Promise<unknown> =>
  on.evaluate(
    (text) =>
      new Function("deit", `return (async () => { ${text} })()`)(deit).catch((error: Error) => {
        const [name] = Object.entries(deit).find(([, value]) => value === error.constructor) ?? [error.name];
        return `${name}: ${error.message}`;
      }) as Promise<unknown>,
    code,
  );

describeInBrowser("opening models in a page", () => {
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "deit-web-opening-"));
    const small = join(scratch, "small.safetensors");
    await writeSmall(small);
    const foreign = Buffer.from((await readFile(small)).toString("latin1").replaceAll("deit.", "none."), "latin1");
    const { path } = await microCheckpoint("deit3", scratch);
    await exportModel({ weights: path, to: "huggingface", output: join(scratch, "deit3"), quantize: [], images: 2 });
    await using classify = await classifier(path);
    deit3 = await classify(join(root, "tests/fixtures/images/view.png"));
    site = await Site.open(
      new Map<string, Uint8Array | string>([
        ["/small.safetensors", small],
        ["/runs/pets/best.safetensors", small],
        ["/hub/pets/model.safetensors", small],
        ["/deit3/model.safetensors", join(scratch, "deit3/model.safetensors")],
        ["/foreign/model.safetensors", foreign],
        ["/cut.safetensors", (await readFile(small)).subarray(0, 5000)],
        ["/onnx/onnx/model.onnx", Buffer.from("onnx")],
        ["/worker.js", Buffer.from(worker)],
        ["/view.png", join(root, "tests/fixtures/images/view.png")],
      ]),
    );
    page = await site.page();
  });
  afterAll(async () => {
    await site?.close();
    await rm(scratch, { recursive: true, force: true });
  });

  it("opens the folder of a DeiT III for transformers.js, which has none of its LayerScale", async () => {
    const found = (await inPage('return (await deit.classifier("/deit3/"))("/view.png");')) as readonly Prediction[];
    expect(found.map(({ label }) => label)).toEqual(deit3.map(({ label }) => label));
    found.forEach(({ score }, i) => {
      expect(score).toBeCloseTo(deit3[i].score, 4);
    });
  });

  it("opens folders by their address", async () => {
    const classes = (address: string) => inPage(`return (await deit.classifier("${address}")).classes`);
    expect(await classes("/runs/pets/")).toEqual(smallClasses);
    expect(await classes("/hub/pets/")).toEqual(smallClasses);
    expect(await classes("/onnx/")).toBe(
      "DownloadError: There is neither best.safetensors nor model.safetensors in /onnx/; give a safetensors file, the folder of a run, or one that deit exported for transformers.js (ONNX files alone run in transformers.js, not here).",
    );
    expect(await classes("/foreign/")).toMatch(
      /^WeightsError: "\/foreign\/model\.safetensors" was not written by deit/,
    );
  });

  it("opens a zip that was saved, and refuses a damaged one", async () => {
    const save = `const classify = await deit.classifier("/small.safetensors");
      const zip = await deit.exportModel(classify, { to: "huggingface", name: "pets", quantize: [] });`;
    expect(
      await inPage(`${save} const again = await deit.classifier(zip);
        const [a, b] = [await classify.logits("/view.png"), await again.logits("/view.png")];
        return [again.classes, again.view.cropRatio === classify.view.cropRatio, a.every((v, i) => v === b[i])];`),
    ).toEqual([smallClasses, true, true]);
    const damage = (change: string) =>
      inPage(`${save} let bytes = new Uint8Array(await zip.arrayBuffer()); ${change}
        await deit.classifier(new File([bytes], "pets.zip"));`);
    expect(await damage("bytes = bytes.subarray(0, bytes.length - 30);")).toBe(
      'FileError: "pets.zip" is not a usable zip archive: it has no table of contents (the file may be cut off); get the file again.',
    );
    expect(await damage("bytes[bytes.length >> 1] ^= 1; bytes[bytes.length - 20000] ^= 1;")).toMatch(
      /^FileError: "pets\.zip" is not a usable zip archive: "pets\/model\.safetensors" is not what its checksum promises/,
    );
    expect(
      await inPage(`const classify = await deit.classifier("/small.safetensors");
        await deit.classifier(await deit.exportModel(classify, { to: "onnx", name: "pets" }));`),
    ).toMatch(/^FileError: "pets\.zip" holds neither best\.safetensors nor model\.safetensors; give /);
  });

  it("tells how far a download is, ends it on request, and refuses a part of a file", async () => {
    const seen = await inPage(`const seen = [];
      await deit.classifier("/small.safetensors", { onProgress: (...now) => seen.push(now) }); return seen.at(-1);`);
    expect(seen).toEqual(Array(2).fill((await readFile(join(scratch, "small.safetensors"))).length));
    expect(await inPage(`await deit.classifier("/small.safetensors", { signal: AbortSignal.abort() })`)).toBe(
      "InterruptedError: The download of /small.safetensors was interrupted.",
    );
    expect(await inPage(`await deit.classifier("/cut.safetensors")`)).toMatch(
      /^FileError: "\/cut\.safetensors" is not a valid safetensors file: /,
    );
  });

  it("keeps models in the browser", async () => {
    const found = await inPage(`
      const classify = await deit.classifier("/small.safetensors");
      const training = { data: "pictures", images: 21, settings: {}, result: { images: 9, top1: 88.9 } };
      const { model, weights, view, classes } = classify;
      await deit.saveModel("pets", { model, weights, view, classes, training });
      const [a, again] = [await classify.logits("/view.png"), await deit.openSaved("pets")];
      const b = await again.logits("/view.png");
      const [{ saved, bytes, ...about }] = await deit.savedModels();
      return { about, recent: Date.now() - saved < 60000, bytes, same: a.every((v, i) => v === b[i]), again: again.training };`);
    const training = { data: "pictures", images: 21, settings: {}, result: { images: 9, top1: 88.9 } };
    expect(found).toMatchObject({
      about: { name: "pets", model: "deit", classes: smallClasses, training },
      ...{ recent: true, same: true, again: training },
    });
    expect(
      await inPage(`const classify = await deit.openSaved("pets");
        const refused = await deit.saveModel("pets", classify).catch((e) => (e instanceof deit.UsageError) + ": " + e.message);
        const both = [1, 2, 3].map(() => deit.saveModel("pets", classify, { replace: true }));
        await Promise.all(both); return refused;`),
    ).toBe('true: A model is saved as "pets" already; choose another name, or replace it (replace: true).');
    expect(
      await inPage(`await deit.deleteModel("pets"); await deit.deleteModel("pets");
        return (await deit.savedModels()).length;`),
    ).toBe(0);
    expect(await inPage(`await deit.openSaved("pets")`)).toBe(
      'FileError: No model is saved as "pets" in this browser; savedModels() lists those that are.',
    );
  });

  it("says what is wrong with the browser's storage, and with what is in it", async () => {
    const put = (table: string, value: string) =>
      inPage(`await new Promise((done, failed) => { const open = indexedDB.open("deit-models");
        open.onsuccess = () => { const t = open.result.transaction("${table}", "readwrite");
          t.objectStore("${table}").put(${value}, "pets"); t.oncomplete = () => { open.result.close(); done(); }; t.onerror = failed; }; });`);
    const save = `await deit.saveModel("pets", await deit.classifier("/small.safetensors"), { replace: true });`;
    await inPage(save);
    await put("files", "new Uint8Array(7).buffer");
    expect(await inPage(`await deit.openSaved("pets")`)).toBe(
      'FileError: The model saved as "pets" cannot be opened: its file is not the one that was saved; delete it and save it again.',
    );
    await put("about", "{ format: 7 }");
    const damaged =
      'The model saved as "pets" cannot be opened: its description is damaged, or of another version of deit; delete it and save it again.';
    expect(await inPage("return deit.savedModels()")).toEqual([{ name: "pets", problem: damaged }]);
    expect(await inPage(`await deit.openSaved("pets")`)).toBe(`FileError: ${damaged}`);

    const full = await inPage(`const { put } = IDBObjectStore.prototype;
      IDBObjectStore.prototype.put = () => { throw new DOMException("no room", "QuotaExceededError"); };
      try { ${save} } catch (error) { return [error instanceof deit.StorageError, error.reason, error.message]; } finally { IDBObjectStore.prototype.put = put; }`);
    expect(full).toEqual([
      ...[true, "full"],
      "This browser has no more room for this site; delete saved models, or save this one as a file.",
    ]);
    const without = await inPage(`const own = Object.getOwnPropertyDescriptor(globalThis, "indexedDB");
      const get = () => { throw new DOMException("no", "SecurityError"); };
      Object.defineProperty(globalThis, "indexedDB", { get, configurable: true });
      try { await deit.savedModels() } catch (error) { return [error instanceof deit.StorageError, error.reason]; }
      finally { Object.defineProperty(globalThis, "indexedDB", own); }`);
    expect(without).toEqual([true, "unavailable"]);
    const later = await inPage(`await new Promise((done) => { const open = indexedDB.open("deit-models", 99);
        open.onsuccess = () => { open.result.close(); done(); }; });
      try { await deit.savedModels() } catch (error) { return [error instanceof deit.StorageError, error.reason]; }`);
    expect(later).toEqual([true, "newer"]);
  });

  it("works in a web worker", async () => {
    const found = await inPage(`
      const worker = new Worker("/worker.js", { type: "module" });
      const picture = await (await fetch("/view.png")).blob();
      const answer = new Promise((done, failed) => { worker.onmessage = ({ data }) => done(data); worker.onerror = failed; });
      worker.postMessage({ weights: "/small.safetensors", picture });
      const [expected] = await (await deit.classifier("/small.safetensors"))("/view.png");
      const found = await answer; worker.terminate();
      return [found.label === expected.label, Math.abs(found.score - expected.score) < 1e-5];`);
    expect(found).toEqual([true, true]);
  });
});
