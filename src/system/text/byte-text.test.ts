import { describe, expect, it } from "vitest";
import { byteText } from "./byte-text.js";

describe("bytes in words", () => {
  it.each([
    [0, "0.0 KiB"],
    [640 * 2 ** 10, "640 KiB"],
    [1.25 * 2 ** 20, "1.3 MiB"],
    [12.4 * 2 ** 20, "12 MiB"],
    [3.2 * 2 ** 30, "3.2 GiB"],
    [139 * 2 ** 30, "139 GiB"],
  ])("%d is %s", (bytes, text) => expect(byteText(bytes)).toBe(text));
});
