import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NameColumn, Uint32Column } from "./columns.js";

describe("NameColumn", () => {
  it("gives back any names, and orders them by code points", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme", maxLength: 40 }), { maxLength: 200 }), (names) => {
        const column = NameColumn.of(names);
        expect([...column]).toEqual(names);
        const points = (text: string) => [...text].map((c) => c.codePointAt(0)!);
        const sorted = [...names].sort((x, y) => {
          const [a, b] = [points(x), points(y)];
          const at = a.findIndex((p, i) => p !== b[i]);
          return at < 0 ? a.length - b.length : a[at] - (b[at] ?? -1);
        });
        expect([...column.order()].map((i) => column.at(i))).toEqual(sorted);
      }),
    );
  });

  it("takes only a few bytes in addition to the names", () => {
    const column = new NameColumn();
    for (let i = 0; i < 200_000; i++) column.push(`n01440764_${i}.JPEG`);
    expect(column.at(199_999)).toBe("n01440764_199999.JPEG");
    expect(column.order()[0]).toBe(0);
  });
});

describe("Uint32Column", () => {
  it("stores integers", () => {
    const column = new Uint32Column();
    for (let i = 0; i < 1000; i++) column.push(2 ** 32 - 1 - i);
    expect(column.length).toBe(1000);
    expect([column.at(0), column.at(999), column.toArray().length]).toEqual([2 ** 32 - 1, 2 ** 32 - 1000, 1000]);
  });
});
