/** What stands behind a name: files are read, and nothing else is waited for. */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  openRegular,
  openRegularSync,
  readText,
  readWhole,
  streamRegular,
} from "../../src/system/files/regular-file.js";

let folder = "";
const server = createServer();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deit-regular-"));
  await mkdir(join(folder, "folder"));
  await symlink("circle", join(folder, "circle"));
  if (process.platform === "win32") return;
  execFileSync("mkfifo", [join(folder, "pipe")]);
  await symlink("pipe", join(folder, "link"));
  await symlink("/dev/zero", join(folder, "device"));
  await new Promise<void>((done) => server.listen(join(folder, "socket"), done));
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

describe.skipIf(process.platform === "win32")("what is not a file", () => {
  it.each([
    ["pipe", /^it is a named pipe, not a file/],
    ["link", /^it is a named pipe, not a file/],
    ["device", /^it is a device, not a file/],
    ["socket", /^it is a socket, not a file/],
    ["folder", /^it is a folder; name a file/],
    ["circle", /ELOOP/],
    ["missing", /ENOENT/],
  ])("is refused at once: a %s", async (name, reason) => {
    const path = join(folder, name);
    expect(() => openRegularSync(path)).toThrow(reason);
    await expect(openRegular(path)).rejects.toThrow(reason);
    await expect(readWhole(path, 100)).rejects.toThrow(reason);
    await expect(streamRegular(path)).rejects.toThrow(reason);
  });
  it("is read to its end or the limit if a shell has opened it", () => {
    const read = `import { readText } from ${JSON.stringify(new URL("../../dist/system/files/regular-file.js", import.meta.url))};
      console.log(await readText(process.argv[1], 10).catch((error) => error.message));`;
    const script = 'node --input-type=module -e "$1" <(sleep 0.1; printf "$2")';
    const said = (text: string) =>
      execFileSync("bash", ["-c", script, "bash", read, text], { encoding: "utf8" }).trim();
    expect([said("0123456789"), said("0123456789a")]).toEqual([
      "0123456789",
      expect.stringContaining("more than 10 bytes"),
    ]);
  });
});

it("reads a file of as many bytes as are allowed, and no more", async () => {
  const path = join(folder, "file");
  await writeFile(path, "0123456789");
  expect(await readText(path, 10)).toBe("0123456789");
  await expect(readWhole(path, 9)).rejects.toThrow("more than 9 bytes");
  await writeFile(path, "");
  expect(await readWhole(path, 0)).toEqual(Buffer.alloc(0));
});

it("takes no memory for a file that is larger than allowed", async () => {
  const path = join(folder, "holes");
  await writeFile(path, "");
  await truncate(path, 2 ** 40);
  await expect(readWhole(path, 2 ** 20)).rejects.toThrow("more than 1048576 bytes");
});
