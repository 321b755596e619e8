/** Where pictures are chosen, dropped, or taken with the camera. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { sentenceOf } from "../engine/failure";
import { FileButton } from "../page/file-button";
import { Camera } from "./camera";
import { leftOut, type Picture, picturesAmong } from "./picture";

interface GatherProps {
  /** What the pictures are for, as in "Add pictures of cats". */
  readonly label: string;
  /** Many can be taken without closing the camera. */
  readonly many: boolean;
  readonly onPictures: (pictures: readonly Picture[]) => void;
  readonly onProblem: (sentence: string) => void;
  readonly class?: string;
  readonly children?: ComponentChildren;
}

export function Gather({ label, many, onPictures, onProblem, children, class: kind = "" }: GatherProps) {
  const [camera, setCamera] = useState(false);
  const [over, setOver] = useState(false);
  const give = (given: Iterable<File>) => {
    const files = [...given];
    try {
      onPictures(picturesAmong(files));
      const others = leftOut(files);
      if (others !== undefined) onProblem(others);
    } catch (error) {
      onProblem(sentenceOf(error));
    }
  };
  const onDragOver = (event: DragEvent) => {
    event.preventDefault();
    setOver(true);
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    event.stopPropagation();
    setOver(false);
    give(event.dataTransfer?.files ?? []);
  };
  const onPaste = (event: ClipboardEvent) => {
    const files = event.clipboardData?.files;
    if (!files || files.length === 0) return;
    event.preventDefault();
    event.stopPropagation();
    give(files);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset's legend would be in the way.
    <div
      class={`gather ${kind} ${over ? "over" : ""}`}
      role="group"
      aria-label={label}
      onDragOver={onDragOver}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
      onPaste={onPaste}
    >
      {children}
      <div class="buttons">
        <FileButton label={label} accept="image/*" asks="files" onFiles={(files) => files.length > 0 && give(files)}>
          Choose pictures<span class="hidden">: {label}</span>
        </FileButton>
        <button type="button" onClick={() => setCamera(true)}>
          Use the camera<span class="hidden">: {label}</span>
        </button>
      </div>
      {camera && (
        <Camera
          title={label}
          many={many}
          onPicture={(picture) => onPictures([picture])}
          onClose={(problem) => {
            setCamera(false);
            if (problem !== undefined) onProblem(problem);
          }}
        />
      )}
    </div>
  );
}
