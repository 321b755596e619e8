/** A training in the worker, and what has become of it. */
import type { FineTuneEpoch, HeldOut } from "deit/web";
import { useRef, useState } from "preact/hooks";
import type { Engine } from "../engine/client";
import { Cancelled, sentenceOf } from "../engine/failure";
import type { TrainingChoice } from "../engine/protocol";
import { type LocalModel, localModel } from "../models/page-model";
import { listed } from "../page/words";
import type { Lesson } from "./lesson";

export interface Running {
  readonly kind: "running";
  /** What is being done, and how far it is. */
  readonly step: string;
  readonly done: number;
  readonly total: number;
  readonly history: readonly FineTuneEpoch[];
  readonly epochs: number;
}

export type Training =
  | { readonly kind: "none" }
  | Running
  | {
      readonly kind: "done";
      readonly model: LocalModel;
      readonly history: readonly FineTuneEpoch[];
      readonly heldOut?: HeldOut;
      readonly seconds: number;
      readonly warnings: readonly string[];
    }
  | { readonly kind: "cancelled" }
  | { readonly kind: "failed"; readonly sentence: string };

export function useTraining(engine: Engine, onTaught: (model: LocalModel) => void) {
  const [training, setTraining] = useState<Training>({ kind: "none" });
  const controller = useRef<AbortController>(undefined);

  const start = async (base: LocalModel, lesson: Lesson, choice: TrainingChoice) => {
    const own = new AbortController();
    controller.current = own;
    const began = performance.now();
    const warnings: string[] = [];
    let running: Running = { kind: "running", step: "Reading the pictures", done: 0, total: 1, history: [], epochs: 1 };
    const show = (change: Partial<Running>) => {
      running = { ...running, ...change };
      if (!own.signal.aborted) setTraining(running);
    };
    show({});
    const classes = lesson.map(({ name, pictures }) => ({
      name: name.trim(),
      pictures: pictures.map(({ blob }) => blob),
    }));
    try {
      const taught = await engine.call(
        "teach",
        { base: base.id, classes, choice },
        {
          signal: own.signal,
          onEvent: (event) => {
            if (event.kind === "start") show({ epochs: event.epochs });
            if (event.kind === "features")
              show({ step: "Looking at the pictures", done: event.done, total: event.total });
            if (event.kind === "epoch")
              show({
                ...{ step: `Epoch ${event.epoch} of ${event.epochs}`, done: event.epoch, total: event.epochs },
                history: [...running.history, event],
              });
            if (event.kind === "warning") warnings.push(event.message);
          },
        },
      );
      const model = localModel(engine, listed(classes.map(({ name }) => name)), taught.opened);
      const seconds = (performance.now() - began) / 1000;
      setTraining({ kind: "done", model, history: taught.history, heldOut: taught.heldOut, seconds, warnings });
      onTaught(model);
    } catch (error) {
      setTraining(error instanceof Cancelled ? { kind: "cancelled" } : { kind: "failed", sentence: sentenceOf(error) });
    }
  };
  return { training, start, cancel: () => controller.current?.abort() };
}
