/** Pictures in, classes out. */
import { useEffect, useState } from "preact/hooks";
import { sentenceOf } from "../engine/failure";
import type { PageModel } from "../models/page-model";
import { Notice } from "../page/notice";
import { Gather } from "../pictures/gather";
import { forget, type Picture, picturesAmong } from "../pictures/picture";
import { AttentionPicture } from "./attention-picture";
import { Predictions, spoken } from "./predictions";
import { type Asked, useAnswer } from "./use-answer";

/** Pictures that are kept at most; the oldest go first. */
const mostPictures = 24;

export function ClassifyView({ model }: { readonly model?: PageModel }) {
  const [pictures, setPictures] = useState<readonly Picture[]>([]);
  const [selected, setSelected] = useState<Picture>();
  const [problem, setProblem] = useState<string>();
  const asked = useAnswer(model, selected);

  const add = (given: readonly Picture[]) => {
    const all = [...given, ...pictures];
    for (const old of all.slice(mostPictures)) forget(old);
    setProblem(undefined);
    setPictures(all.slice(0, mostPictures));
    setSelected(given[0]);
  };
  // A picture may be pasted anywhere on the page.
  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0 || event.defaultPrevented || location.hash === "#teach") return;
      try {
        add(picturesAmong(files));
      } catch (error) {
        setProblem(sentenceOf(error));
      }
    };
    addEventListener("paste", paste);
    return () => removeEventListener("paste", paste);
  });

  return (
    <div class="classify">
      <Gather
        label="Pictures to classify"
        many={false}
        onPictures={add}
        onProblem={setProblem}
        class={selected ? "" : "inviting"}
      >
        <p>
          {selected
            ? "Drop or paste more pictures anywhere here."
            : "Drop a picture here, paste one, choose a file or take a photo."}
        </p>
      </Gather>
      {problem && <Notice kind="problem">{problem}</Notice>}
      {pictures.length > 1 && <Strip pictures={pictures} selected={selected} onSelect={setSelected} />}
      {selected && (
        <div class="columns">
          <div>
            {model && (
              <AttentionPicture
                picture={selected}
                answer={asked.kind === "answered" ? asked.answer : undefined}
                seen={model.seen}
                turned={model.turned}
              />
            )}
          </div>
          <Answered asked={asked} name={selected.name} model={model} />
        </div>
      )}
    </div>
  );
}

interface StripProps {
  readonly pictures: readonly Picture[];
  readonly selected?: Picture;
  readonly onSelect: (picture: Picture) => void;
}

function Strip({ pictures, selected, onSelect }: StripProps) {
  return (
    <ul class="strip" aria-label="Pictures">
      {pictures.map((picture) => (
        <li key={picture.id}>
          <button type="button" aria-pressed={picture === selected} onClick={() => onSelect(picture)}>
            <img src={picture.address} alt={picture.name} />
          </button>
        </li>
      ))}
    </ul>
  );
}

interface AnsweredProps {
  readonly asked: Asked;
  readonly name: string;
  readonly model?: PageModel;
}

function Answered({ asked, name, model }: AnsweredProps) {
  return (
    <div class="answer">
      <p role="status" class="status">
        {!model && "Choose a model above."}
        {asked.kind === "working" && `Classifying ${name} …`}
        {asked.kind === "answered" && <span class="hidden">{spoken(name, asked.answer.predictions)}</span>}
      </p>
      {asked.kind === "failed" && <Notice kind="problem">{asked.sentence}</Notice>}
      {asked.kind === "answered" && (
        <>
          <h2>{name}</h2>
          <Predictions predictions={asked.answer.predictions} />
          <p class="fine">
            {Math.round(asked.milliseconds)} ms {model?.computes}
          </p>
        </>
      )}
    </div>
  );
}
