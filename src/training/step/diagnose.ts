/** Diagnoses a loss that is not finite: which tensor broke first. */
import type { DeviceState, Engine } from "../../engines/engine.js";
import type { NamedTensors } from "../../tensor/index.js";
import type { Step } from "./step.js";

/**
 * Runs the forward and backward pass again, without any update, and names the first tensor that is not finite, in the
 * order of computation: parameters, logits, loss, then gradients from the last parameter to the first.
 */
export async function diagnose(engine: Engine, step: Step, state: DeviceState, data: NamedTensors): Promise<string> {
  const executable = await engine.compile(step.diagnosis());
  try {
    const wanted = new Set(executable.program.inputs.filter((i) => i.role === "data").map((i) => i.name));
    const outputs = await executable.run(state, new Map([...data].filter(([name]) => wanted.has(name))));
    const values = (name: string) => [...(outputs.get(name)!.data as Float32Array)];
    const firstBroken = (list: readonly number[]) => list.findIndex((v) => !Number.isFinite(v));
    const parameter = firstBroken(values("parameters"));
    if (parameter >= 0) return `the parameter ${step.trained[parameter]}`;
    if (firstBroken(values("logits")) >= 0) return "the logits";
    if (firstBroken(values("loss")) >= 0) return "the loss, from finite logits";
    const gradients = values("gradients").reverse();
    const gradient = firstBroken(gradients);
    if (gradient >= 0) return `the gradient of ${[...step.trained].reverse()[gradient]}`;
    return "nothing that can be found again: the state has moved on";
  } finally {
    await executable.dispose();
  }
}
