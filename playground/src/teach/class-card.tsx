/** A class: its name and its pictures. */
import { useRef } from "preact/hooks";
import { focusNext } from "../page/focus";
import { counted } from "../page/words";
import { Gather } from "../pictures/gather";
import type { Picture } from "../pictures/picture";
import type { Change, TaughtClass } from "./lesson";

interface ClassCardProps {
  readonly taught: TaughtClass;
  readonly number: number;
  readonly change: (change: Change) => void;
  readonly onProblem: (sentence: string) => void;
}

export function ClassCard({ taught, number, change, onProblem }: ClassCardProps) {
  const { id, name, pictures } = taught;
  const called = name.trim() || `class ${number}`;
  const card = useRef<HTMLLIElement>(null);
  const removeClass = () => {
    // Where this class was is the next one then, or the button that adds one.
    focusNext(card.current?.closest("section"), `.class-card:nth-child(${number}) input, .add-class`);
    change({ kind: "remove", id });
  };
  const removePicture = (picture: Picture, i: number) => {
    const next = Math.min(i + 1, pictures.length - 1);
    focusNext(card.current, next === 0 ? ".gather button" : `.thumbnails li:nth-child(${next}) button`);
    change({ kind: "picture-removed", id, picture });
  };
  return (
    <li class="class-card" ref={card}>
      <div class="choice">
        <label>
          <span class="name">Class {number}</span>
          <input value={name} onInput={(event) => change({ kind: "rename", id, name: event.currentTarget.value })} />
        </label>
        <button type="button" class="plain" onClick={removeClass}>
          Remove<span class="hidden"> {called}</span>
        </button>
      </div>
      <Gather
        label={`Pictures of ${called}`}
        many
        onPictures={(given) => change({ kind: "pictures", id, pictures: given })}
        onProblem={onProblem}
      >
        <p role="status">{pictures.length === 0 ? "Drop pictures here." : counted(pictures.length, "picture")}</p>
      </Gather>
      {pictures.length > 0 && (
        <ul class="thumbnails" aria-label={`Pictures of ${called}`}>
          {pictures.map((picture, i) => (
            <li key={picture.id}>
              <button type="button" title="Remove this picture" onClick={() => removePicture(picture, i)}>
                <img src={picture.address} alt={`Remove ${picture.name}`} loading="lazy" />
              </button>
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}
