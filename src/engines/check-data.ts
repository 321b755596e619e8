/** The check that every engine makes before a run: is all data present, with the right types? */
import { EngineError, ShapeError } from "../errors/errors.js";
import { describe, type HostTensor, type NamedTensors, type Program } from "../tensor/index.js";

/**
 * The data inputs of `program` in its order; throws when one is missing or does not fit. Each of `processes` supplies
 * its own rows of inputs that are split along the batch.
 */
export function checkData(program: Program, data: NamedTensors, processes = 1): (readonly [string, HostTensor])[] {
  return program.inputs
    .filter((i) => i.role === "data")
    .map((whole) => {
      const { shape } = whole;
      const expected =
        whole.sharding === "batch" ? { ...whole, shape: [shape[0] / processes, ...shape.slice(1)] } : whole;
      const given = data.get(expected.name);
      if (!given) {
        throw new EngineError(
          `Program "${program.name}" needs the input "${expected.name}" (${describe(expected)}), but it was not given.`,
        );
      }
      const fits = given.dtype === expected.dtype && given.shape.length === expected.shape.length;
      if (!fits || given.shape.some((d, i) => d !== expected.shape[i])) {
        throw new ShapeError(
          `Program "${program.name}" got ${describe(given)} for the input "${expected.name}", but was compiled for ${describe(expected)}.`,
        );
      }
      return [expected.name, given] as const;
    });
}
