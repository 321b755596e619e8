/** Saves checkpoints in the background: a save copies the state, and the copy is written while training continues. */
import type { DeviceState } from "../../engines/engine.js";
import type { NamedTensors } from "../../tensor/index.js";
import type { RunFolder } from "../run-folder/folder.js";
import type { Position } from "../run-folder/position.js";
import { loadState, type SavedState, saveState } from "./checkpoint.js";

export interface CheckpointerOptions {
  readonly folder: RunFolder;
  /** Names of the state's tensors that are saved. */
  readonly names: readonly string[];
  /** Number of saved states that are kept. */
  readonly keep: number;
  /** Saves nothing, because a different process does. */
  readonly readOnly?: boolean;
  readonly onWarning: (message: string) => void;
}

export class Checkpointer {
  #writing: Promise<void> = Promise.resolve();
  #failure: unknown;
  #savedAt = performance.now();
  #waited = 0;

  constructor(private readonly options: CheckpointerOptions) {}

  /** Milliseconds since the state was last copied. */
  get age(): number {
    return performance.now() - this.#savedAt;
  }

  /** Milliseconds that training has waited for saves so far. */
  get waited(): number {
    return this.#waited;
  }

  /**
   * Copies the state and starts writing it; `before` writes files that must not be older. Waits for the copy, and for
   * the previous save if that is not yet on disk.
   */
  async save(
    state: DeviceState,
    position: Position,
    before: (tensors: NamedTensors) => Promise<void> = async () => undefined,
  ): Promise<void> {
    const start = performance.now();
    if (this.options.readOnly) {
      this.#savedAt = start;
      return;
    }
    await this.settle();
    const tensors = await state.read(this.options.names);
    this.#savedAt = performance.now();
    this.#waited += this.#savedAt - start;
    const write = async () => {
      await this.options.folder.confirm();
      await before(tensors);
      await this.options.folder.confirm();
      await saveState(this.options.folder, tensors, position, this.options.keep);
    };
    this.#writing = write().catch((error: unknown) => {
      this.#failure = error;
    });
  }

  /** The newest valid state on disk; undefined if none has been saved yet. */
  async load(): Promise<SavedState | undefined> {
    await this.settle();
    return loadState(this.options.folder, this.options.onWarning);
  }

  /** Waits until everything is on disk; throws if a save failed. */
  async settle(): Promise<void> {
    await this.#writing;
    if (this.#failure === undefined) return;
    const failure = this.#failure;
    this.#failure = undefined;
    throw failure;
  }
}
