import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileError } from "../../src/errors/errors.js";
import { fileError } from "../../src/errors/file-error.js";
import { requireFreeSpace, shortage, writeFileAtomic } from "../../src/system/files/atomic-file.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "deit-atomic-"));
});
afterEach(() => rm(folder, { recursive: true }));

const failure = (code: string): Error => Object.assign(new Error(code), { code });

describe("writeFileAtomic", () => {
  const bytes = (...values: number[]) => Uint8Array.from(values);
  const pieces = async function* () {
    yield bytes(1, 2);
    yield bytes();
    yield bytes(3);
  };
  it.each([
    ["text", "grüße", Buffer.from("grüße")],
    ["bytes", bytes(1, 2, 3), Buffer.of(1, 2, 3)],
    ["pieces", [bytes(1), bytes(2, 3)], Buffer.of(1, 2, 3)],
    ["pieces to come", pieces(), Buffer.of(1, 2, 3)],
    ["nothing", [], Buffer.alloc(0)],
  ])("writes %s", async (_, content, expected) => {
    const path = join(folder, "file");
    await writeFile(path, "something older and longer than what comes");
    await writeFileAtomic(path, content);
    expect(await readFile(path)).toEqual(expected);
    expect(await readdir(folder)).toEqual(["file"]);
  });

  it("leaves the old file, and nothing else, when its content fails half-way", async () => {
    const path = join(folder, "file");
    await writeFile(path, "old");
    const content = (function* () {
      yield Buffer.alloc(1 << 20);
      throw failure("ENOSPC");
    })();
    await expect(writeFileAtomic(path, content)).rejects.toThrow(
      `Cannot write "${path}": the disk is full; free some space.`,
    );
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(folder)).toEqual(["file"]);
  });

  it.skipIf(process.platform === "win32")("leaves a pipe and a device in their places", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    await symlink("/dev/null", join(folder, "device"));
    await expect(writeFileAtomic(pipe, "x")).rejects.toThrow("it is a named pipe, not a file; name a file");
    await expect(writeFileAtomic(join(folder, "device"), "x")).rejects.toThrow("it is a device, not a file");
    expect((await readdir(folder)).sort()).toEqual(["device", "pipe"]);
    expect((await stat(pipe)).isFIFO()).toBe(true);
  });

  it("reports what is wrong with the path", async () => {
    const inFile = join(folder, "file");
    await writeFile(inFile, "");
    await mkdir(join(folder, "full"));
    await writeFile(join(folder, "full", "x"), "");
    await expect(writeFileAtomic(join(inFile, "x"), "")).rejects.toThrow("a part of the path is not a folder");
    await expect(writeFileAtomic(join(folder, "none", "x"), "")).rejects.toThrow("it does not exist; check the path");
    await expect(writeFileAtomic(join(folder, "full"), "")).rejects.toThrow(FileError);
    await expect(writeFileAtomic(join(folder, "n".repeat(300)), "")).rejects.toThrow("its name is too long");
    expect((await readdir(folder)).sort()).toEqual(["file", "full"]);
  });

  it("lets many writers of one file each write it whole", async () => {
    const path = join(folder, "file");
    const contents = Array.from({ length: 20 }, (_, i) => String.fromCharCode(97 + i).repeat(50_000));
    await Promise.all(contents.map((c) => writeFileAtomic(path, c)));
    expect(contents).toContain(await readFile(path, "utf8"));
    expect(await readdir(folder)).toEqual(["file"]);
  });
});

describe("requireFreeSpace", () => {
  it("accepts what fits and refuses what does not", async () => {
    await requireFreeSpace(folder, 1, "a byte");
    await expect(requireFreeSpace(folder, 2 ** 62, "the checkpoint")).rejects.toThrow(
      /There is not enough space in ".*" for the checkpoint: \d+ MiB are needed and \d+ MiB are free; free some space/,
    );
    await expect(requireFreeSpace(join(folder, "none"), 1, "a byte")).rejects.toThrow("it does not exist");
  });
  it.each([
    [2 ** 20 + 1, 2 ** 20, "2 MiB are needed and 1 MiB are free"],
    [5.7 * 2 ** 20, 5.3 * 2 ** 20, "6 MiB are needed and 5 MiB are free"],
    [1, 0, "1 MiB are needed and 0 MiB are free"],
  ])("never says that what is needed is free: %d of %d bytes", (needed, free, text) => {
    expect(shortage(needed, free)).toBe(text);
  });
});

describe("fileError", () => {
  it.each(["ENOSPC", "EDQUOT", "EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR", "EISDIR", "EMFILE", "EFBIG", "EIO"])(
    "makes a sentence with a way out of %s",
    (code) => {
      const error = fileError("/data/x", "write", failure(code));
      expect(error.message).toMatch(/^Cannot write "\/data\/x": [^;]+; [^;]+\.$/);
      expect(error.message).not.toContain(code);
      expect(error.path).toBe("/data/x");
    },
  );

  it("asks for the right that is lacking", () => {
    expect(fileError("x", "list the folder", failure("EACCES")).message).toContain("ask for the right to read it");
    expect(fileError("x", "write", failure("EPERM")).message).toContain("choose a folder you may write to");
  });

  it("passes on a sentence that was found before", () => {
    const first = new FileError("a", "A sentence.");
    expect(fileError("b", "write", first)).toBe(first);
  });

  it("names a circle of links", async () => {
    const path = join(folder, "loop");
    await symlink(path, path);
    const error = await stat(path).catch((e: unknown) => fileError(path, "read", e));
    expect((error as FileError).message).toContain("form a loop");
  });
});
