/** A window with the camera's picture: one photo, or many while its button is held. */
import { useEffect, useRef, useState } from "preact/hooks";
import { sentenceOf } from "../engine/failure";
import { counted } from "../page/words";
import { openCamera, photographed, stop } from "./camera-stream";
import { type Picture, pictureOf } from "./picture";

interface CameraProps {
  readonly title: string;
  readonly many: boolean;
  readonly onPicture: (picture: Picture) => void;
  readonly onClose: (problem?: string) => void;
}

/** Milliseconds between pictures while the button is held. */
const pause = 250;

export function Camera({ title, many, onPicture, onClose }: CameraProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const holding = useRef<ReturnType<typeof setInterval>>(undefined);
  const [facing, setFacing] = useState<"environment" | "user">("environment");
  const [ready, setReady] = useState(false);
  const [taken, setTaken] = useState(0);

  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    let stream: MediaStream | undefined;
    let gone = false;
    setReady(false);
    openCamera(facing).then(
      (opened) => {
        stream = opened;
        if (gone) stop(stream);
        else video.current!.srcObject = opened;
      },
      (error) => !gone && onClose(sentenceOf(error)),
    );
    return () => {
      gone = true;
      clearInterval(holding.current);
      stop(stream);
    };
  }, [facing]);

  const take = async () => {
    try {
      onPicture(pictureOf(await photographed(video.current!), `photo at ${new Date().toLocaleTimeString()}`));
      setTaken((before) => before + 1);
      if (!many) onClose();
    } catch (error) {
      onClose(sentenceOf(error));
    }
  };
  const hold = () => {
    release();
    void take();
    if (many) holding.current = setInterval(take, pause);
  };
  const release = () => clearInterval(holding.current);
  const byKey = (work: () => void) => (event: KeyboardEvent) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) work();
  };

  return (
    <dialog ref={dialog} class="camera" aria-label={title} onClose={() => onClose()}>
      <h2>{title}</h2>
      <video ref={video} autoPlay playsInline muted onLoadedData={() => setReady(true)} />
      <p role="status">
        {!ready && "Starting the camera …"}
        {ready && many && `${counted(taken, "picture")} taken. Hold the button to take several a second.`}
      </p>
      <div class="buttons">
        <button
          type="button"
          class="primary"
          disabled={!ready}
          onClick={(event) => event.detail === 0 && void take()}
          onPointerDown={hold}
          onPointerUp={release}
          onPointerLeave={release}
          onKeyDown={byKey(hold)}
          onKeyUp={byKey(release)}
          onBlur={release}
        >
          Take {many ? "pictures" : "a picture"}
        </button>
        <button type="button" onClick={() => setFacing(facing === "user" ? "environment" : "user")}>
          Other camera
        </button>
        <button type="button" onClick={() => onClose()}>
          {taken > 0 ? "Done" : "Cancel"}
        </button>
      </div>
    </dialog>
  );
}
