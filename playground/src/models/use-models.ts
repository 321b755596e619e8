/** Which models there are, and the one in use. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Engine } from "../engine/client";
import { Cancelled, PageError, sentenceOf } from "../engine/failure";
import type { Progress } from "../engine/protocol";
import { type Catalogue, readCatalogue } from "./catalogue";
import { type Choice, choiceOfFile, choiceOfKept, choiceOfTaught, choicesOf } from "./choices";
import type { LocalModel, PageModel } from "./page-model";

export type Opening =
  | { readonly kind: "none" }
  | { readonly kind: "opening"; readonly choice: Choice; readonly progress?: Progress }
  | { readonly kind: "open"; readonly choice: Choice; readonly model: PageModel }
  | { readonly kind: "failed"; readonly choice: Choice; readonly sentence: string; readonly nameless?: File };

export interface Models {
  readonly choices: readonly Choice[];
  readonly opening: Opening;
  /** Why there is no list of models. */
  readonly problem?: string;
  readonly catalogue?: Catalogue;
  choose(choice: Choice): void;
  /** A safetensors file; `model` names its model if it does not. */
  openFile(file: File, model?: string): void;
  /** A model that was taught here can be chosen from now on. */
  adopt(model: LocalModel): void;
  /** Looks again which models the browser keeps. */
  refresh(): void;
  /** Deletes a model that the browser keeps. */
  drop(choice: Choice): void;
}

const noRuntime =
  "This page comes without ONNX Runtime's files, so it cannot compute itself; whoever runs its server can install the npm package onnxruntime-web beside deit and start it again.";

export function useModels(engine: Engine): Models {
  const [catalogue, setCatalogue] = useState<Catalogue>();
  const [problem, setProblem] = useState<string>();
  const [choices, setChoices] = useState<readonly Choice[]>([]);
  const [opening, setOpening] = useState<Opening>({ kind: "none" });
  const opened = useRef(new Map<string, PageModel>());
  const leaving = useRef(new AbortController());

  const choose = useCallback((choice: Choice, file?: File) => {
    leaving.current.abort();
    leaving.current = new AbortController();
    const { signal } = leaving.current;
    const known = opened.current.get(choice.key);
    if (known) {
      setOpening({ kind: "open", choice, model: known });
      return;
    }
    setOpening({ kind: "opening", choice });
    const onProgress = (progress: Progress) => !signal.aborted && setOpening({ kind: "opening", choice, progress });
    choice.open({ signal, onProgress }).then(
      (model) => {
        opened.current.set(choice.key, model);
        if (!signal.aborted) setOpening({ kind: "open", choice, model });
      },
      (error) => {
        if (signal.aborted || error instanceof Cancelled) return;
        const nameless = error instanceof PageError && error.wants === "model" ? file : undefined;
        setOpening({ kind: "failed", choice, sentence: sentenceOf(error), nameless });
      },
    );
  }, []);

  useEffect(() => {
    readCatalogue().then(
      (found) => {
        const offered = choicesOf(found, engine);
        if (!found.runtime) engine.missing = noRuntime;
        setCatalogue(found);
        setChoices((before) => [...offered, ...before]);
        if (offered.length > 0) choose(offered[0]);
      },
      (error) => setProblem(sentenceOf(error)),
    );
  }, [engine]);

  const openFile = (file: File, model?: string) => {
    const choice = choiceOfFile(file, engine, model);
    setChoices((before) => [...before.filter(({ key }) => key !== choice.key), choice]);
    choose(choice, file);
  };
  const adopt = (model: LocalModel) => setChoices((before) => [...before, choiceOfTaught(model)]);
  const refresh = useCallback(() => {
    engine.call("kept", undefined).then((names) => {
      const kept = names.map((name) => choiceOfKept(name, engine));
      setChoices((before) => [...before.filter((one) => one.kept === undefined), ...kept]);
    }, console.warn); // a browser without storage keeps none
  }, [engine]);
  useEffect(refresh, [refresh]);
  const drop = ({ kept, key }: Choice) => {
    if (kept === undefined) return;
    engine.call("drop", kept).then(
      () => {
        const model = opened.current.get(key);
        if (model?.place === "page") model.close().catch(console.warn);
        opened.current.delete(key);
        const [next] = choices.filter((one) => one.key !== key);
        if (next) choose(next);
        else setOpening({ kind: "none" });
        refresh();
      },
      (error) => setProblem(sentenceOf(error)),
    );
  };
  return { choices, opening, problem, catalogue, choose, openFile, adopt, refresh, drop };
}
