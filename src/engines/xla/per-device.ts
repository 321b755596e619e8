/** Operations that the compiler cannot split over devices, applied by each device to its part of the batch. */

import type { Tensor, TensorType } from "../../tensor/index.js";
import type { StablehloEmitter } from "../../tensor/lowering.js";
import { Mesh, type MeshAxes } from "./mesh.js";
import { Operations } from "./operations.js";

/** A value and its type. */
export interface Operand {
  readonly name: string;
  readonly type: TensorType;
}

/** What writes operations: the emitter of the module, or of the part of a device. */
export type Write = Pick<StablehloEmitter<Tensor>, "op" | "results" | "type">;

/**
 * Emits what `body` writes, and returns the names of the results. On several devices `body` writes it for the part of one,
 * whose operands have their share of the first axis; the number of devices must divide that axis.
 */
export function onEachDevice(
  inputs: readonly Tensor[],
  outputs: readonly TensorType[],
  mesh: MeshAxes,
  emit: StablehloEmitter<Tensor>,
  body: (operands: readonly Operand[], write: Write) => readonly string[],
): readonly string[] {
  const names = inputs.map((t) => emit.value(t));
  if (mesh.length === 0) {
    return body(
      inputs.map((type, i) => ({ name: names[i], type })),
      emit,
    );
  }
  const parts = mesh.reduce((product, [, size]) => product * size, 1);
  const part = ({ dtype, shape }: TensorType): TensorType => ({ dtype, shape: Mesh.part(shape, 0, parts) });
  const axes = mesh.map(([name]) => `"${name}"`).join(", ");
  const split = ({ shape }: TensorType) =>
    `<@mesh, [${shape.map((_, i) => (i === 0 ? `{${axes}}` : "{}")).join(", ")}]>`;
  const types = (list: readonly TensorType[]) => list.map((t) => emit.type(t)).join(", ");
  const operands = inputs.map((t, i) => ({ name: `%part${i}`, type: part(t) }));
  const inside = new Body(emit);
  const results = body(operands, inside);
  const lines = [
    `sdy.manual_computation(${names.join(", ")}) in_shardings=[${inputs.map(split).join(", ")}] out_shardings=[${outputs.map(split).join(", ")}] manual_axes={${axes}} (${operands.map(({ name, type }) => `${name}: ${emit.type(type)}`).join(", ")}) {`,
    ...inside.lines,
    `    sdy.return ${results.join(", ")} : ${types(outputs.map(part))}`,
    `  } : (${types(inputs)}) -> (${types(outputs)})`,
  ];
  const text = lines.join("\n");
  return outputs.length === 1 ? [emit.op(text)] : emit.results(text, outputs.length);
}

/** Operations of a region; the names in it are its own. */
class Body extends Operations implements Write {
  constructor(private readonly emit: Pick<Write, "type">) {
    super("%own", "    ");
  }

  type(type: TensorType): string {
    return this.emit.type(type);
  }
}
