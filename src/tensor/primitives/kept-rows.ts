/** A part of the rows of each group, and their way back: the two are each other's gradients, so that neither adds rows up. */
import { ShapeError } from "../../errors/errors.js";
import { apply, type Primitive, type Tensor } from "../graph.js";
import { describe } from "../tensor-type.js";
import { mul } from "./arithmetic.js";
import { cast } from "./cast.js";
import { compare, min } from "./compare.js";
import { gatherRows } from "./gather.js";
import { reshape } from "./layout.js";

/** Which rows of each group are kept, and where each went: the two say the same, for reading in either direction. */
export interface KeptRows {
  /** The kept rows of each group in any order, none twice, int32 `[groups, kept]`. */
  readonly rows: Tensor;
  /** The place of each row among the kept ones, int32 `[groups, n]`; `kept` or more for a row that is not. */
  readonly places: Tensor;
}

const keepRowsPrimitive: Primitive = {
  name: "keepRows",
  infer: ([x, rows, places]) => {
    requireFitting("keepRows", x.shape, { rows, places } as KeptRows);
    return [{ dtype: x.dtype, shape: [...rows.shape, ...x.shape.slice(2)] }];
  },
  gradient: ({ inputs: [, rows, places] }, [g]) => [g && placeRows(g, { rows, places })],
  expand: ({ inputs: [x, rows] }) => [gatherRows(x, rows)],
};

/** The kept rows of each group: `[groups, n, ...]` to `[groups, kept, ...]`. */
export const keepRows = (x: Tensor, { rows, places }: KeptRows): Tensor =>
  apply(keepRowsPrimitive, [x, rows, places], {});

const placeRowsPrimitive: Primitive = {
  name: "placeRows",
  infer: ([y, rows, places]) => {
    const shape = [...places.shape, ...y.shape.slice(2)];
    requireFitting("placeRows", shape, { rows, places } as KeptRows);
    return [{ dtype: y.dtype, shape }];
  },
  gradient: ({ inputs: [, rows, places] }, [g]) => [g && keepRows(g, { rows, places })],
  // Every row reads one of the kept, so that nothing is scattered.
  expand: ({ inputs: [y, rows, places], outputs: [x] }) => {
    const kept = rows.shape[1];
    const found = cast(compare("LT", places, kept), y.dtype);
    const read = gatherRows(y, min(places, kept - 1));
    return [
      mul(
        read,
        reshape(
          found,
          x.shape.map((d, i) => (i < 2 ? d : 1)),
        ),
      ),
    ];
  },
};

/** The kept rows in their places and zeros in the others: `[groups, kept, ...]` to `[groups, n, ...]`. */
export const placeRows = (y: Tensor, { rows, places }: KeptRows): Tensor =>
  apply(placeRowsPrimitive, [y, rows, places], {});

function requireFitting(call: string, shape: readonly number[], { rows, places }: KeptRows): void {
  const fits =
    shape.length >= 2 &&
    [rows, places].every((t) => t.dtype === "int32" && t.shape.length === 2 && t.shape[0] === shape[0]) &&
    places.shape[1] === shape[1] &&
    rows.shape[1] <= shape[1];
  if (!fits)
    throw new ShapeError(
      `${call} of rows [${shape.join(", ")}] got ${describe(rows)} and ${describe(places)}; it needs int32 [groups, kept] and [groups, n].`,
    );
}
