/** The playground in headless Chromium, from `deit serve`. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { classifier } from "../../src/index.js";
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
});
