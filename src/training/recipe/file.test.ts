import { expect, test } from "vitest";
import { applySettings } from "./file.js";

test("texts change settings, also those inside others", () => {
  const settings = { lr: 1, regnet: { slope: 20, groupWidth: 8 } };
  expect(applySettings(settings, ["lr=1e-3", "regnet.slope=30", "teacher=regnety_160", "betas=[0.9,0.95]"])).toEqual({
    ...{ lr: 1e-3, regnet: { slope: 30, groupWidth: 8 } },
    ...{ teacher: "regnety_160", betas: [0.9, 0.95] },
  });
  expect(settings.regnet.slope).toBe(20);
  expect(applySettings({}, ["regnet.slope=30"])).toEqual({ regnet: { slope: 30 } });
});

test("a text without a value is refused, and no text reaches a prototype", () => {
  expect(() => applySettings({}, ["depth"])).toThrow("write key=value");
  applySettings({}, ["__proto__.polluted=1", "constructor.prototype.polluted=1"]);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test("changes an entry of a list by its number", () => {
  const settings = { features: [{ teacher: "s1" }, { teacher: "s2", weight: 2 }], cropScale: [0.1, 1] };
  expect(applySettings(settings, ["features.1.weight=3", "cropScale.0=0.5"])).toEqual({
    features: [{ teacher: "s1" }, { teacher: "s2", weight: 3 }],
    cropScale: [0.5, 1],
  });
  for (const name of ["grid", "2", "-1", "length"])
    expect(() => applySettings(settings, [`features.${name}=4`])).toThrow(
      `The setting "features" is a list of 2 here, so features.${name} names none of its entries; the first is features.0.`,
    );
});
