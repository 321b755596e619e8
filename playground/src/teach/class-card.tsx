/** A class: its name and its pictures. */

import { counted } from "../page/words";
import { Gather } from "../pictures/gather";
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
  return (
    <li class="class-card">
      <div class="choice">
        <label>
          <span class="name">Class {number}</span>
          <input value={name} onInput={(event) => change({ kind: "rename", id, name: event.currentTarget.value })} />
        </label>
        <button type="button" class="plain" onClick={() => change({ kind: "remove", id })}>
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
          {pictures.map((picture) => (
            <li key={picture.id}>
              <button
                type="button"
                title="Remove this picture"
                onClick={() => change({ kind: "picture-removed", id, picture })}
              >
                <img src={picture.address} alt={`Remove ${picture.name}`} loading="lazy" />
              </button>
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}
