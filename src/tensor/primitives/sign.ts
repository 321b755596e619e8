/** The sign function. */
import type { Tensor } from "../graph.js";
import { elementwise, unary } from "./elementwise.js";

/** -1, 0 or 1; no gradient flows. */
export const sign: (x: Tensor) => Tensor = unary(
  elementwise({
    name: "sign",
    arity: 1,
    accepts: "float",
    onnx: "Sign",
    stablehlo: "stablehlo.sign",
    evaluate: Math.sign,
  }),
);
