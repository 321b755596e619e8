import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect } from "vitest";
import { type CheckReport, checkData } from "../../src/data/check/check.js";
import type { FindingKind } from "../../src/data/check/finding.js";
import { toJson, toLines } from "../../src/data/check/summary.js";
import { FileError, InterruptedError } from "../../src/errors/errors.js";
import { describeWithReference as describe, itWithReference as it, shared } from "../setup/reference-data.js";

const photographs = join(shared, "data/imagenet-sample");

let root: string;
let photo: Buffer[];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "deit doctor ö "));
  const names = (await readdir(photographs)).sort().slice(0, 60);
  photo = await Promise.all(names.map((name) => readFile(join(photographs, name))));
});
afterAll(async () => {
  await chmod(join(root, "bad/train/locked"), 0o700).catch(() => undefined);
  await rm(root, { recursive: true });
});

async function put(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), bytes);
}

const check = (name: string) => checkData(join(root, name), { workers: 2 });

function finding(report: CheckReport, kind: FindingKind) {
  const found = report.findings.find((f) => f.kind === kind);
  if (!found) throw new Error(`no finding "${kind}" among ${report.findings.map((f) => f.kind).join(", ")}`);
  const short = (path: string) => path.slice(report.path.length + 1);
  return {
    ...found,
    images: found.groups.map((group) => group.map((i) => short(report.survey.describe(i)))),
    names: (found.names ?? []).map(short),
  };
}

describe("a dataset without fault", () => {
  it("gets notes at most", async () => {
    for (let i = 0; i < 50; i++) await put(`good/${i < 40 ? "train" : "test"}/${i % 2 ? "a" : "b"}/${i}.jpg`, photo[i]);
    const report = await check("good");
    expect(report.findings.map((f) => f.severity)).not.toContain("serious");
    expect(report.findings.map((f) => f.severity)).not.toContain("warning");
    expect(report.survey.parts).toEqual([
      { name: "train", length: 40 },
      { name: "test", length: 10 },
    ]);
    expect(toLines(report).at(-1)).toBe("No problems were found.");
  });
  it("may have any format that training takes", async () => {
    const report = await checkData("procedural:32:200", { workers: 1 });
    expect(report.survey.parts.map((p) => p.name)).toEqual(["train", "test"]);
    expect(report.survey.copies.groups).toEqual([]);
    expect(report.survey.unreadable.size).toBe(0);
  });
});

it("reports a single class and parts without labels, but nothing misnamed in an archive", async () => {
  for (let i = 0; i < 4; i++) await put(`wrapped/photos/${i % 2 ? "a" : "b"}/${i}.jpg`, photo[i]);
  expect(String(finding(await check("wrapped"), "refused").sentence)).toMatch(
    /of one class, "photos".*did you mean ".*photos"/,
  );
  for (let i = 0; i < 8; i++) await put(`kaggle/${i < 4 ? "train" : "val"}/${i % 2 ? "a" : "b"}/${i}.jpg`, photo[i]);
  await put("kaggle/test/9.jpg", photo[9]);
  const report = await check("kaggle");
  expect(report.survey.parts.map((p) => p.name)).toEqual(["train", "val"]);
  expect(finding(report, "unlabelled").severity).toBe("warning");
});

describe("a dataset with all faults", () => {
  let report: CheckReport;
  beforeAll(async () => {
    for (let i = 0; i < 25; i++) await put(`bad/train/cat/${i}.jpg`, photo[i]);
    for (let i = 25; i < 29; i++) await put(`bad/train/dog/${i}.jpg`, photo[i]);
    for (let i = 30; i < 33; i++) await put(`bad/val/cat/${i}.jpg`, photo[i]);
    await mkdir(join(root, "bad/train/empty"));
    const damaged = Buffer.from(photo[34]);
    for (let i = damaged.length >> 1, n = 0; n < 300; i++, n++) damaged[i] = (i * 37) & 0x7f;
    await put("bad/train/cat/damaged.jpg", damaged);
    await put("bad/train/cat/cut.jpg", photo[35].subarray(0, photo[35].length - 4000));
    await put("bad/train/cat/cut in the head.jpg", photo[35].subarray(0, 300));
    await put("bad/train/cat/cut.png", (await sharp(photo[36]).png().toBuffer()).subarray(0, 9000));
    await put("bad/train/cat/cut.webp", (await sharp(photo[36]).webp().toBuffer()).subarray(0, 5000));
    await put("bad/train/cat/empty.jpg", "");
    await put("bad/train/cat/page.jpg", "<!DOCTYPE html><html>not found</html>");
    await put("bad/train/cat/pointer.jpg", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    await symlink("nowhere.jpg", join(root, "bad/train/cat/dangling.jpg"));
    await symlink(".", join(root, "bad/train/dog/loop"));
    await put("bad/train/dog/in truth a png.jpg", await sharp(photo[37]).png().toBuffer());
    await put("bad/train/dog/no ending", photo[38]);
    await put("bad/train/dog/notes.txt", "notes");
    await put("bad/train/cat/copy of 1.jpg", photo[1]);
    await put("bad/train/cat/smaller 2.jpg", await sharp(photo[2]).resize(200).jpeg({ quality: 60 }).toBuffer());
    await put("bad/train/dog/also 3.jpg", photo[3]);
    await put("bad/val/cat/leaked 4.jpg", photo[4]);
    await put("bad/val/cat/leaked 5.webp", await sharp(photo[5]).flop().resize(240).webp().toBuffer());
    const plain = sharp({ create: { width: 300, height: 300, channels: 3, background: "#204060" } });
    await put("bad/train/cat/blank.png", await plain.png().toBuffer());
    await put("bad/train/cat/tiny.png", await sharp(photo[39]).resize(20, 15).png().toBuffer());
    await put("bad/train/cat/long.jpg", await sharp(photo[40]).resize(1600, 200, { fit: "cover" }).jpeg().toBuffer());
    await put("bad/train/cat/huge.jpg", await sharp(photo[41]).resize(5100, 5000).jpeg({ quality: 20 }).toBuffer());
    await put("bad/train/cat/turned.jpg", await sharp(photo[42]).withMetadata({ orientation: 6 }).jpeg().toBuffer());
    await put("bad/train/cat/ink.jpg", await sharp(photo[43]).toColourspace("cmyk").jpeg().toBuffer());
    report = await check("bad");
  });

  it("is read to the end: every file that cannot be read is named with its reason", () => {
    const { images, severity, remarks } = finding(report, "unreadable");
    expect(severity).toBe("serious");
    const names = ["cut in the head.jpg", "cut.jpg", "cut.png", "cut.webp", "dangling.jpg"];
    expect(images.flat()).toEqual([...names, "empty.jpg", "page.jpg", "pointer.jpg"].map((n) => `train/cat/${n}`));
    const said = [...remarks!.values()].map((text) => text.replace(/"[^"]*"/, "X").replace(/;.*/, ""));
    expect(said).toEqual([
      "X is cut short",
      "X is cut short",
      "X is cut short",
      "X is cut short",
      "Cannot read X: it does not exist",
      "X is empty",
      "X is a web page, which is not an image",
      "X is a pointer of Git LFS, which is not an image",
    ]);
  });
  it("contains broken images, and images with the extension of another format or of none", () => {
    expect(finding(report, "damaged").images).toEqual([["train/cat/damaged.jpg"]]);
    expect(finding(report, "misnamed").images).toEqual([["train/dog/in truth a png.jpg"]]);
    expect(finding(report, "unlisted").names).toEqual(["train/dog/no ending"]);
    expect(finding(report, "ignored").names).toEqual(["train/dog/notes.txt"]);
  });
  it("has copies in one place, under two classes, and in two parts", () => {
    expect(finding(report, "duplicate").images).toEqual([
      ["train/cat/1.jpg", "train/cat/copy of 1.jpg"],
      ["train/cat/2.jpg", "train/cat/smaller 2.jpg"],
    ]);
    const conflict = finding(report, "conflict");
    expect([conflict.severity, conflict.images]).toEqual(["serious", [["train/cat/3.jpg", "train/dog/also 3.jpg"]]]);
    const leakage = finding(report, "leakage");
    expect([leakage.severity, leakage.count]).toEqual(["serious", 2]);
    expect(leakage.images).toEqual([
      ["train/cat/4.jpg", "val/cat/leaked 4.jpg"],
      ["train/cat/5.jpg", "val/cat/leaked 5.webp"],
    ]);
    expect(leakage.sentence).toMatch(/^2 of the 5 images of val also stand in train: 1 byte for byte, 1 nearly/);
  });
  it("has classes that are empty, missing, small and unbalanced", () => {
    expect(finding(report, "emptyClass").names).toEqual(["train/empty"]);
    expect(finding(report, "missingClass")).toMatchObject({ severity: "warning", count: 1 });
    expect(finding(report, "smallClass").sentence).toMatch(/^1 class has fewer than 20 images in train: dog \(6\)/);
    expect(finding(report, "imbalance").sentence).toMatch(/^The largest class of train, cat, has 7\.0 times/);
  });
  it("has pictures that show nothing, or are too small, long or large", () => {
    expect(finding(report, "blank").images).toEqual([["train/cat/blank.png"]]);
    expect(finding(report, "tiny").images).toEqual([["train/cat/tiny.png"]]);
    expect(finding(report, "elongated").images).toEqual([["train/cat/long.jpg"]]);
    expect(finding(report, "huge").images).toEqual([["train/cat/huge.jpg"]]);
  });
  it("comes out in order, for machines and for people", () => {
    const severities = report.findings.map((f) => f.severity);
    expect([...severities].sort((a, b) => "swn".indexOf(a[0]) - "swn".indexOf(b[0]))).toEqual(severities);
    const json = JSON.parse(JSON.stringify(toJson(report)));
    expect(json.findings).toHaveLength(report.findings.length);
    expect(json.classes[0]).toEqual({ name: "cat", images: { train: 42, val: 5 } });
    for (const { sentence, advice } of report.findings) {
      expect(String(sentence)).toMatch(/^.*\.$/);
      expect(String(advice)).toMatch(/^[A-Z].*\.$/);
    }
    expect(toLines(report).join("\n")).toContain('"');
  });
});

describe("a check", () => {
  it("of nothing is reported as such", async () => {
    await expect(check("not there")).rejects.toThrow(FileError);
    await mkdir(join(root, "void"));
    await expect(check("void")).rejects.toThrow(FileError);
  });
  it("ends soon when it is interrupted", async () => {
    const controller = new AbortController();
    const checked = checkData("procedural:64:100000", {
      workers: 1,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(checked).rejects.toThrow(InterruptedError);
  });
});
