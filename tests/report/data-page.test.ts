import { copyFile, mkdir, mkdtemp, readFile, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkData } from "../../src/data/check/check.js";
import { writeDataPage } from "../../src/report/data-page.js";

const images = new URL("../fixtures/images/", import.meta.url).pathname;
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "deit page "));
});
afterAll(() => rm(root, { recursive: true }));

async function pageOf(name: string): Promise<string> {
  const file = join(root, `${name}.html`);
  await writeDataPage(file, await checkData(join(root, name), { workers: 2 }));
  return readFile(file, "utf8");
}

describe("the page of the data doctor", () => {
  it("shows hostile names as text", async () => {
    const folder = join(root, "hostile", `"><img src=x onerror=alert(1)>`);
    await mkdir(folder, { recursive: true });
    for (const name of [`'"><script>alert(1)<!--.jpg`, "\u202egpj.png", "&lt;b&gt;.png", "猫.png"])
      await copyFile(join(images, name.endsWith("jpg") ? "plain.jpg" : "plain.png"), join(folder, name));
    const document = await pageOf("hostile");
    expect(document).not.toMatch(/<script|<img src=x|onerror=alert\(1\)>/);
    expect(document).toContain("&#39;&quot;&gt;&lt;script&gt;alert(1)&lt;!--.jpg");
    expect(document).toContain("&amp;lt;b&amp;gt;.png");
    expect(document).toContain("\\u202egpj.png");
    expect(document).toContain("猫.png");
  });
  it("has pictures inside, a name for each, and loads nothing", async () => {
    const document = await pageOf("hostile");
    const pictures = document.match(/<img [^>]*>/g) ?? [];
    expect(pictures.length).toBeGreaterThan(3);
    for (const picture of pictures) {
      expect(picture).toMatch(/^<img src="data:image\/webp;base64,[\w+/=]+" width="\d+" height="\d+" alt="[^"]+"/);
    }
    expect(document.replace(/data:[^"]*/g, "")).not.toMatch(/https?:|<link|<script|@import|url\(/);
    for (const [, id] of document.matchAll(/href="#([^"]+)"/g)) expect(document).toContain(`id="${id}"`);
  });
  it("stays small however many images there are", async () => {
    await mkdir(join(root, "many/a"), { recursive: true });
    await copyFile(join(images, "plain.jpg"), join(root, "plain.jpg"));
    for (let i = 0; i < 600; i++) await symlink(join(root, "plain.jpg"), join(root, `many/a/${i}.jpg`));
    for (let c = 0; c < 300; c++) {
      await mkdir(join(root, `many/class ${c}`));
      await symlink(join(root, "plain.jpg"), join(root, `many/class ${c}/x.jpg`));
    }
    const document = await pageOf("many");
    expect(document.match(/<img /g)!.length).toBeLessThan(250);
    expect((await stat(join(root, "many.html"))).size).toBeLessThan(2_000_000);
  });
});
