/** How tensors are laid out on the devices: a mesh of processes and of the devices of each. */
import { EngineError } from "../../errors/errors.js";
import { type Program, type ProgramInput, type Shape, sizeOf } from "../../tensor/index.js";

export interface MeshOptions {
  /** Number of devices of each process. */
  readonly devices: number;
  readonly process?: { readonly index: number; readonly count: number };
  /** State that is split over the devices of a process instead of replicated on each. */
  readonly splitState?: (name: string) => boolean;
}

/** Smaller state stays whole: splitting it would save less than the exchange costs. */
const leastSplit = 1024;

/** Axes of a mesh with more than one device: name and size. */
export type MeshAxes = readonly (readonly [name: string, size: number])[];

/** A named tensor of a program. */
type Place = Pick<ProgramInput, "name" | "sharding" | "shape">;

export class Mesh {
  readonly devices: number;
  readonly process: { readonly index: number; readonly count: number };
  readonly #splitState: (name: string) => boolean;

  constructor({ devices, process = { index: 0, count: 1 }, splitState = () => false }: MeshOptions) {
    this.devices = devices;
    this.process = process;
    this.#splitState = splitState;
  }

  /** Number of devices of all processes. */
  get size(): number {
    return this.process.count * this.devices;
  }

  /**
   * The axis along which a state tensor is split over the devices of each process, or undefined when it is whole on
   * every device. All processes have the same state, so that a checkpoint can be read without communication.
   */
  splitAxis(name: string, shape: Shape): number | undefined {
    if (this.devices === 1 || sizeOf(shape) < leastSplit || !this.#splitState(name)) return undefined;
    const axis = shape.findIndex((d) => d % this.devices === 0);
    return axis < 0 ? undefined : axis;
  }

  /** Shape of one device's part of a tensor that is split into `parts` along `axis`. */
  static part(shape: Shape, axis: number, parts: number): Shape {
    return shape.map((d, i) => (i === axis ? d / parts : d));
  }

  /** Declaration of the mesh in a module; nothing for a single device. */
  get declaration(): string {
    const axes = this.axes.map(([name, size]) => `"${name}"=${size}`);
    return axes.length === 0 ? "" : `sdy.mesh @mesh = <[${axes.join(", ")}]>\n`;
  }

  /** Attribute of an argument or result; `state` is the name of the state it belongs to, if any. */
  attribute(program: Program, { name, sharding, shape }: Place, state: string | undefined): string[] {
    if (this.size === 1) return [];
    const axes = shape.map(() => "{}");
    const split = state === undefined ? undefined : this.splitAxis(state, shape);
    if (split !== undefined) axes[split] = '{"device"}';
    if (sharding === "batch") {
      if (shape.length === 0 || shape[0] % this.size !== 0) {
        throw new EngineError(
          `Program "${program.name}" splits "${name}" [${shape.join(", ")}] over ${this.size} devices, but ${shape[0] ?? 1} is not divisible by ${this.size}; choose a batch size that is.`,
        );
      }
      axes[0] = `{${this.axes.map(([axis]) => `"${axis}"`).join(", ")}}`;
    }
    return [`sdy.sharding = #sdy.sharding<@mesh, [${axes.join(", ")}]>`];
  }

  get axes(): MeshAxes {
    return [["process", this.process.count] as const, ["device", this.devices] as const].filter(([, n]) => n > 1);
  }
}
