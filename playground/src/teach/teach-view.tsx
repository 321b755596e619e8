/** "Teach it": classes, pictures, training, test, saving. */
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import type { Engine } from "../engine/client";
import { sentenceOf } from "../engine/failure";
import type { LocalModel, PageModel } from "../models/page-model";
import { FileButton } from "../page/file-button";
import { useAskBeforeLeaving } from "../page/leaving";
import { Meter } from "../page/meter";
import { Notice } from "../page/notice";
import { leftOut } from "../pictures/picture";
import { ClassCard } from "./class-card";
import { Confusion } from "./confusion";
import { Curve } from "./curve";
import { changed, foldersOf, lacking, newClass } from "./lesson";
import { SaveButtons } from "./save-buttons";
import { TryIt } from "./try-it";
import { type Training, useTraining } from "./use-training";

interface TeachViewProps {
  readonly engine: Engine;
  /** The model to begin with. */
  readonly base?: PageModel;
  readonly onTaught: (model: LocalModel) => void;
  readonly onKept: () => void;
}

/** Blocks that are trained with the head, and what that means. */
const depths = [
  { blocks: 0, label: "The head only", about: "seconds" },
  { blocks: 2, label: "The last two blocks too", about: "minutes, and often better" },
] as const;

export function TeachView({ engine, base, onTaught, onKept }: TeachViewProps) {
  const [lesson, change] = useReducer(changed, undefined, () => [newClass("Class 1"), newClass("Class 2")]);
  const [problem, setProblem] = useState<string>();
  const [blocks, setBlocks] = useState(0);
  const { training, start, cancel } = useTraining(engine, onTaught);
  const running = training.kind === "running";
  const result = useRef<HTMLHeadingElement>(null);
  const cancelButton = useRef<HTMLButtonElement>(null);
  const trainButton = useRef<HTMLButtonElement>(null);
  useAskBeforeLeaving(lesson.some(({ pictures }) => pictures.length > 0));
  // Train is disabled meanwhile and Cancel goes afterwards: the keyboard goes on at what takes their place.
  useEffect(() => {
    const { activeElement, body } = document;
    if (activeElement !== body && activeElement !== trainButton.current) return;
    if (training.kind === "running") cancelButton.current?.focus();
    if (training.kind === "done") result.current?.focus();
    if (training.kind === "cancelled" || training.kind === "failed") trainButton.current?.focus();
  }, [training.kind]);

  const train = () => {
    const lacks = lacking(lesson);
    setProblem(lacks);
    if (lacks === undefined && base?.place === "page") void start(base, lesson, { blocks });
  };
  const addFolder = (files: readonly File[]) => {
    try {
      change({ kind: "folder", classes: foldersOf(files) });
      setProblem(leftOut(files));
    } catch (error) {
      setProblem(sentenceOf(error));
    }
  };
  if (base?.place !== "page") return <NoBase base={base} />;
  return (
    <div class="teach">
      <section aria-labelledby="teach-classes">
        <h2 id="teach-classes">1. Show it pictures of each class</h2>
        <ul class="classes">
          {lesson.map((taught, i) => (
            <ClassCard key={taught.id} taught={taught} number={i + 1} change={change} onProblem={setProblem} />
          ))}
        </ul>
        <div class="buttons">
          <button
            type="button"
            class="add-class"
            onClick={() => change({ kind: "class", name: `Class ${lesson.length + 1}` })}
          >
            Add a class
          </button>
          <FileButton label="A folder with a folder of pictures for each class" asks="folder" onFiles={addFolder}>
            Add a folder of classes
          </FileButton>
        </div>
      </section>
      <section aria-labelledby="teach-train">
        <h2 id="teach-train">2. Train</h2>
        <fieldset class="depths" disabled={running}>
          <legend class="hidden">What is trained</legend>
          {depths.map((one) => (
            <label key={one.blocks}>
              <input
                type="radio"
                name="blocks"
                checked={blocks === one.blocks}
                onChange={() => setBlocks(one.blocks)}
              />{" "}
              {one.label} <span class="fine">({one.about})</span>
            </label>
          ))}
        </fieldset>
        <div class="buttons">
          <button type="button" class="primary" ref={trainButton} disabled={running} onClick={train}>
            Train
          </button>
          {running && (
            <button type="button" ref={cancelButton} onClick={cancel}>
              Cancel
            </button>
          )}
        </div>
        {problem && <Notice kind="problem">{problem}</Notice>}
        <Progress training={training} />
      </section>
      {training.kind === "done" && (
        <section aria-labelledby="teach-result">
          <h2 id="teach-result" ref={result} tabIndex={-1}>
            3. Test and save
          </h2>
          {training.heldOut && <Confusion heldOut={training.heldOut} />}
          {training.history.length > 1 && <Curve history={training.history} epochs={training.history.length} />}
          {training.warnings.map((warning) => (
            <Notice key={warning} kind="note">
              {warning}
            </Notice>
          ))}
          <TryIt model={training.model} />
          <SaveButtons engine={engine} model={training.model} onKept={onKept} />
        </section>
      )}
    </div>
  );
}

function Progress({ training }: { readonly training: Training }) {
  return (
    <>
      <p role="status">
        {training.kind === "running" && <span class="hidden">{training.step}</span>}
        {training.kind === "done" && `Trained in ${training.seconds.toFixed(0)} s.`}
        {training.kind === "cancelled" && "Cancelled; nothing was changed."}
      </p>
      {training.kind === "running" && <Meter label={training.step} done={training.done} total={training.total} />}
      {training.kind === "running" && training.history.length > 1 && (
        <Curve history={training.history} epochs={training.epochs} />
      )}
      {training.kind === "failed" && <Notice kind="problem">{training.sentence}</Notice>}
    </>
  );
}

function NoBase({ base }: { readonly base?: PageModel }) {
  return (
    <Notice kind="note">
      {base
        ? `${base.name} runs on the server, and teaching happens in this page: choose a model "in this page" above, or open a safetensors file. If there is none, whoever runs the server can let it share its weights.`
        : "Choose the model to begin with above, or open a safetensors file."}
    </Notice>
  );
}
