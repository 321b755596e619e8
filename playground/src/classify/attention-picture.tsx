/** The picture, with attention over it and the choice of what is shown. */
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Answer, Seen } from "../engine/protocol";
import { drawable, type Picture } from "../pictures/picture";
import { draw, mapOf, type Shown, strongest } from "./attention";

interface AttentionPictureProps {
  readonly picture: Picture;
  readonly answer?: Answer;
  readonly seen: Seen;
  readonly turned: boolean;
}

export function AttentionPicture({ picture, answer, seen, turned }: AttentionPictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [pixels, setPixels] = useState<ImageBitmap>();
  const [shown, setShown] = useState<Shown>("rollout");
  const [strength, setStrength] = useState(0.6);
  const maps = answer?.attention;
  const map = mapOf(maps, shown);

  useEffect(() => {
    let gone = false;
    setPixels(undefined);
    drawable(picture, turned).then(
      (bitmap) => (gone ? bitmap.close() : setPixels(bitmap)),
      () => undefined, // who classifies it says the same
    );
    return () => {
      gone = true;
    };
  }, [picture, turned]);
  useEffect(() => {
    if (pixels && canvas.current)
      draw(canvas.current, { picture: pixels, seen, map, grid: maps?.grid ?? [1, 1], strength });
  }, [pixels, seen, map, strength]);

  const described = map && maps ? `, with attention, strongest at the ${strongest(map, maps.grid)}` : "";
  return (
    <figure class="seen">
      <canvas ref={canvas} role="img" aria-label={`${picture.name}${described}`} hidden={!pixels} />
      {maps && <Controls heads={maps.heads.length} {...{ shown, setShown, strength, setStrength }} />}
    </figure>
  );
}

interface ControlsProps {
  readonly heads: number;
  readonly shown: Shown;
  readonly setShown: (shown: Shown) => void;
  readonly strength: number;
  readonly setStrength: (strength: number) => void;
}

function Controls({ heads, shown, setShown, strength, setStrength }: ControlsProps) {
  const name = useId();
  const choices: readonly (readonly [Shown, string])[] = [
    ["none", "None"],
    ["rollout", "All layers"],
    ...Array.from({ length: heads }, (_, head) => [head, `Head ${head + 1}`] as const),
  ];
  return (
    <figcaption>
      <fieldset class="chips">
        <legend>Attention</legend>
        {choices.map(([value, label]) => (
          <label key={value}>
            <input type="radio" name={name} checked={shown === value} onChange={() => setShown(value)} />
            <span class="chip">{label}</span>
          </label>
        ))}
      </fieldset>
      <label class="strength">
        <span class="name">Strength</span>
        <input
          type="range"
          min="0"
          max="1"
          step="0.05"
          value={strength}
          disabled={shown === "none"}
          onInput={(event) => setStrength(Number(event.currentTarget.value))}
        />
      </label>
    </figcaption>
  );
}
