/** The playground in headless Chromium, from `deit serve`. */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { classifier } from "../../src/index.js";
import { root } from "../cli/run.js";
import { describeInBrowser } from "./browser.js";
import { accessibilityFaults, Playground, smallModel, tooWide } from "./playground.js";

let playground: Playground;

/** Waits until the model in the page is open. */
const localModel = async (page: Page) => {
  const option = await page.locator("option", { hasText: "MB)" }).first().textContent();
  await page.getByRole("combobox", { name: "Model" }).selectOption(option!);
  await page.getByText(/omputes in this page/).waitFor();
};
const predictions = (page: Page) =>
  page.getByRole("list", { name: "Most likely classes" }).getByRole("listitem").allInnerTexts();

/** The page with its model open, at "Teach it". */
const teaching = async (page: Page) => {
  await page.getByText(/omputes on the server/).waitFor();
  await localModel(page);
  await page.getByRole("tab", { name: "Teach it" }).click();
  return page.getByRole("tabpanel", { name: "Teach it" });
};

describeInBrowser("the playground", () => {
  beforeAll(async () => {
    playground = await Playground.open();
  });
  afterAll(() => playground?.close());

  it("classifies on the server and in the page as the library does", async () => {
    const [picture] = await playground.pictures(3, 1);
    await using classify = await classifier(smallModel(), { engine: "onnx" });
    const expected = (await classify(picture)).map(({ label, score }) => `${label}${(100 * score).toFixed(1)} %`);
    const page = await playground.page();
    await page.getByText(/omputes on the server/).waitFor();
    const input = page.getByRole("tabpanel", { name: "Classify" }).locator("input[type=file]");
    await input.setInputFiles(picture);
    const shown = page.getByRole("list", { name: "Most likely classes" });
    await shown.waitFor();
    expect((await predictions(page)).map((text) => text.replaceAll("\n", ""))).toEqual(expected);
    await localModel(page);
    await page.getByText(/ms in this page/).waitFor();
    expect((await predictions(page)).map((text) => text.replaceAll("\n", ""))).toEqual(expected);
    await page.getByLabel("Head 2").check();
    await page.getByRole("img", { name: /with attention, strongest at the/ }).waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.context().close();
  });

  it("fits narrow windows, and readers of dark pages", async () => {
    const page = await playground.page({ colorScheme: "dark", viewport: { width: 400, height: 800 } });
    await page.getByText(/omputes on the server/).waitFor();
    expect(await tooWide(page)).toBe(0);
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.context().close();
  });

  it("is taught two classes, tells them apart, and saves what it learned", async () => {
    const page = await playground.page();
    const panel = await teaching(page);
    await panel.getByRole("button", { name: "Train" }).click();
    await panel.getByText('Too few pictures of "Class 1" and "Class 2"').waitFor();
    for (const [i, name] of ["dark", "bright"].entries()) {
      await panel.getByLabel(`Class ${i + 1}`, { exact: true }).fill(name);
      await panel
        .getByLabel(`Pictures of ${name}`)
        .locator("input[type=file]")
        .setInputFiles(await playground.pictures(i, 8));
    }
    await panel.getByRole("button", { name: "Train" }).click();
    await panel.getByText(/^Trained in/).waitFor();
    await panel.getByText("100 % right: 4 of 4 pictures that were held out of the training.").waitFor();
    const unseen = await playground.pictures(1, 9);
    await panel.getByLabel("New pictures").locator("input[type=file]").setInputFiles(unseen[8]);
    await panel.getByRole("list", { name: "Most likely classes" }).waitFor();
    expect((await predictions(page))[0]).toContain("bright");
    expect(await accessibilityFaults(page)).toEqual([]);

    const download = page.waitForEvent("download");
    await panel.getByRole("button", { name: "Download for deit" }).click();
    const file = await (await download).path();
    const renamed = `${file}.safetensors`;
    await copyFile(file, renamed);
    await using learned = await classifier(renamed, { engine: "onnx" });
    expect(learned.classes).toEqual(["dark", "bright"]);

    // What the browser keeps is there again after the page was closed, and without its server.
    await panel.getByRole("button", { name: "Keep in this browser" }).click();
    await panel.getByText(/is kept in this browser/).waitFor();
    await page.context().setOffline(true);
    await page.reload();
    await page.getByRole("combobox", { name: "Model" }).selectOption("my-model");
    await page.getByText(/2 classes, computes in this page/).waitFor();
    await page.getByRole("tab", { name: "Classify" }).click();
    await page.getByRole("tabpanel", { name: "Classify" }).locator("input[type=file]").setInputFiles(unseen[8]);
    await page.getByText(/ms in this page/).waitFor();

    // A model that is deleted leaves its place, and the keyboard, to the list of the others.
    await page.context().setOffline(false);
    await page.getByRole("button", { name: "Delete from this browser" }).press("Enter");
    await page.locator("select:focus").waitFor();
    await page.getByText(/omputes on the server/).waitFor();
    expect(await page.locator("option").allTextContents()).not.toContain("my-model");
    await page.context().close();
  });

  it("stops a training that is cancelled", async () => {
    const page = await playground.page();
    const panel = await teaching(page);
    for (const i of [0, 1])
      await panel
        .getByLabel(`Pictures of Class ${i + 1}`)
        .locator("input[type=file]")
        .setInputFiles(await playground.pictures(i, 8));
    await panel.getByLabel(/The last two blocks too/).check();
    await panel.getByRole("button", { name: "Train" }).click();
    await panel.getByRole("button", { name: "Cancel" }).click();
    await panel.getByText("Cancelled; nothing was changed.").waitFor();
    await page.context().close();
  });

  it("is taught by keyboard alone, and never loses the focus", async () => {
    const page = await playground.page();
    page.on("filechooser", () => undefined); // the browser learns late that somebody waits for it
    await teaching(page);
    const focused = () => page.evaluate<string>("document.activeElement?.textContent?.trim() ?? ''");
    const tabTo = async (name: RegExp, key = "Tab") => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press(key);
        if (name.test(await focused())) return;
      }
      throw new Error(`No ${name} within 60 tabs.`);
    };
    await page.getByRole("tab", { name: "Teach it" }).focus();
    for (const i of [0, 1]) {
      await tabTo(/^Choose pictures/);
      const chooser = page.waitForEvent("filechooser");
      await page.keyboard.press("Enter");
      await (await chooser).setFiles(await playground.pictures(i, 8));
      await page.getByRole("list", { name: `Pictures of Class ${i + 1}` }).waitFor();
      await tabTo(/^Use the camera/);
    }
    // The picture and the class after those that are removed have the focus then.
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText("7 pictures").waitFor();
    await page.locator(".thumbnails :focus").waitFor();
    await tabTo(/^Add a class/);
    await page.keyboard.press("Enter");
    await tabTo(/^Remove Class 3/, "Shift+Tab");
    await page.keyboard.press("Enter");
    await page.locator(".add-class:focus").waitFor();

    await tabTo(/^Train/);
    await page.keyboard.press("Enter");
    await page.getByText(/^Trained in/).waitFor();
    await page.locator("#teach-result:focus").waitFor();
    await tabTo(/^Keep in this browser/);
    await page.keyboard.press("Enter");
    await page.getByText(/is kept in this browser/).waitFor();
    expect(await focused()).toBe("Keep in this browser");

    // Leaving would lose the pictures, so the browser asks.
    const asked = page.waitForEvent("dialog");
    const reloading = page.reload({ waitUntil: "commit" });
    const dialog = await asked;
    expect(dialog.type()).toBe("beforeunload");
    await dialog.accept();
    await reloading;
    await page.context().close();
  });

  it("takes photos with the camera, by keyboard alone", async () => {
    const page = await playground.page();
    await page.getByText(/omputes on the server/).waitFor();
    await page.getByRole("button", { name: /^Use the camera/ }).focus();
    await page.keyboard.press("Enter");
    const take = page.getByRole("button", { name: "Take a picture" });
    await page.locator("button:enabled", { hasText: "Take a picture" }).waitFor();
    await take.focus();
    await page.keyboard.press(" ");
    await page.getByRole("list", { name: "Most likely classes" }).waitFor();
    await page.getByRole("tab", { name: "Classify" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("tab", { name: "Teach it", selected: true }).waitFor();
    await page.context().close();
  });

  it("says what is wrong", async () => {
    const page = await playground.page();
    await page.getByText(/omputes on the server/).waitFor();
    const input = page.getByRole("tabpanel", { name: "Classify" }).locator("input[type=file]");
    await input.setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no picture") });
    await page.getByText('"notes.txt" is no picture; give JPEG, PNG or WebP files.').waitFor();
    const [picture] = await playground.pictures(3, 1);
    await input.setInputFiles([picture, join(root, "package.json")]);
    await page.getByText('Left out, as no pictures: "package.json"; give JPEG, PNG or WebP files.').waitFor();
    await page
      .getByLabel("Weights of a model")
      .setInputFiles({ name: "odd.safetensors", mimeType: "", buffer: Buffer.from("no weights at all") });
    await page.getByText('"odd.safetensors" is not a valid safetensors file').waitFor();
    await page.context().close();
  });
});
