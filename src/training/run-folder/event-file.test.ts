import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { crc32c } from "../../formats/crc32c.js";
import { createEventFile, record, scalarEvent, versionEvent } from "./event-file.js";

const expected = await readFile(new URL("../../../tests/fixtures/training/events.bin", import.meta.url));

it("has the checksum of its definition (RFC 3720, B.4)", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
});

it("writes the very bytes of TensorBoard's library", () => {
  const events = [
    versionEvent(1700000000.25),
    scalarEvent(1700000001.5, 300, { "train/loss": 0.625, lr: 0.0009765625 }),
  ];
  expect(Buffer.concat(events.map(record)).equals(expected)).toBe(true);
});

it("follows a run", async () => {
  const folder = await mkdtemp(join(tmpdir(), "deit-events-"));
  const times = [1700000000.25, 1700000000.25, 1700000001.5];
  const file = createEventFile(folder, () => times.shift()!);
  for (const step of [299, 300])
    file.onEvent({ kind: "step", step, loss: 0.625, lr: 0.0009765625, images: 4, loaderWait: 0 });
  await file.close();
  const [name] = await readdir(folder);
  expect(name).toMatch(/^events\.out\.tfevents\.1700000000\./);
  expect((await readFile(join(folder, name))).equals(expected)).toBe(true);
  await rm(folder, { recursive: true });
});
