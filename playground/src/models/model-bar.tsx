/** The choice of the model, and what became of it. */
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Engine } from "../engine/client";
import { FileButton } from "../page/file-button";
import { Meter } from "../page/meter";
import { Notice } from "../page/notice";
import { counted, megabytes } from "../page/words";
import type { Choice } from "./choices";
import type { Models, Opening } from "./use-models";

interface ModelBarProps {
  readonly models: Models;
  readonly engine: Engine;
}

export function ModelBar({ models, engine }: ModelBarProps) {
  const { choices, opening, choose, openFile, problem } = models;
  const chosen = opening.kind === "none" ? "" : opening.choice.key;
  const list = useRef<HTMLSelectElement>(null);
  const select = (key: string) => {
    const choice = choices.find((one) => one.key === key);
    if (choice) choose(choice);
  };
  const drop = (choice: Choice) => {
    list.current?.focus(); // the button goes with the model
    models.drop(choice);
  };
  return (
    <section class="model" aria-label="Model">
      <div class="choice">
        <label>
          <span class="name">Model</span>
          <select ref={list} value={chosen} onChange={(event) => select(event.currentTarget.value)}>
            {chosen === "" && <option value="">None yet</option>}
            {grouped(choices).map(([group, members]) => (
              <optgroup key={group} label={group}>
                {members.map(({ key, label }) => (
                  <option key={key} value={key}>
                    {label}
                  </option>
                ))}
              </optgroup>
            ))}
          </select>
        </label>
        <FileButton
          label="Weights of a model"
          accept=".safetensors"
          asks="file"
          onFiles={([file]) => file && openFile(file)}
        >
          Open a file …
        </FileButton>
        {opening.kind !== "none" && opening.choice.kept !== undefined && (
          <button type="button" class="plain" onClick={() => drop(opening.choice)}>
            Delete from this browser
          </button>
        )}
      </div>
      <State opening={opening} empty={choices.length === 0 && problem === undefined} />
      {problem && <Notice kind="problem">{problem}</Notice>}
      {opening.kind === "failed" && <Notice kind="problem">{opening.sentence}</Notice>}
      {opening.kind === "failed" && opening.nameless && (
        <NameOfModel file={opening.nameless} engine={engine} openFile={openFile} />
      )}
    </section>
  );
}

const grouped = (choices: readonly Choice[]): readonly (readonly [string, readonly Choice[]])[] => {
  const groups = new Map<string, Choice[]>();
  for (const choice of choices) groups.set(choice.group, [...(groups.get(choice.group) ?? []), choice]);
  return [...groups];
};

function State({ opening, empty }: { readonly opening: Opening; readonly empty: boolean }) {
  if (opening.kind === "opening") {
    const { progress } = opening;
    const loading = progress !== undefined && progress.done < progress.total;
    return (
      <div role="status">
        <Meter
          label={
            loading ? `Loading, ${megabytes(progress.done)} of ${megabytes(progress.total)}` : "Opening the model …"
          }
          done={progress?.done ?? 0}
          total={progress?.total ?? 1}
        />
      </div>
    );
  }
  return (
    <div role="status" class="fine">
      {opening.kind === "open" && (
        <>
          {opening.model.classes ? `${counted(opening.model.classes.length, "class", "classes")}, c` : "C"}omputes{" "}
          {opening.model.computes}.{opening.model.place === "server" && " Pictures are sent to it."}
          {opening.model.notes.length > 0 && <Notes notes={opening.model.notes} />}
        </>
      )}
      {empty && opening.kind === "none" && "No model comes with this page; open a safetensors file of yours."}
    </div>
  );
}

function Notes({ notes }: { readonly notes: readonly string[] }) {
  return (
    <details>
      <summary>{counted(notes.length, "note")} on its weights</summary>
      <ul>
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </details>
  );
}

interface NameOfModelProps {
  readonly file: File;
  readonly engine: Engine;
  readonly openFile: Models["openFile"];
}

/** For weights that do not state their model. */
function NameOfModel({ file, engine, openFile }: NameOfModelProps) {
  const [names, setNames] = useState<readonly string[]>([]);
  const [name, setName] = useState("");
  const list = useId();
  useEffect(() => {
    engine.call("names", undefined).then(setNames, console.error);
  }, [engine]);
  const submit = (event: Event) => {
    event.preventDefault();
    openFile(file, name.trim());
  };
  return (
    <form class="choice" onSubmit={submit}>
      <label>
        <span class="name">Its model</span>
        <input list={list} value={name} required onInput={(event) => setName(event.currentTarget.value)} />
      </label>
      <datalist id={list}>
        {names.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <button type="submit">Open</button>
    </form>
  );
}
