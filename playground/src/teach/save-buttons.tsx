/** What can be done with a taught model: download it, or keep it in the browser. */
import { useState } from "preact/hooks";
import type { Engine } from "../engine/client";
import { sentenceOf } from "../engine/failure";
import type { LocalModel } from "../models/page-model";
import { Notice } from "../page/notice";

interface SaveButtonsProps {
  readonly engine: Engine;
  readonly model: LocalModel;
  /** Called when it was kept in the browser. */
  readonly onKept: () => void;
}

type State = { readonly kind: "said" | "problem"; readonly sentence: string };

export function SaveButtons({ engine, model, onKept }: SaveButtonsProps) {
  const [name, setName] = useState("my-model");
  const [state, setState] = useState<State>({ kind: "said", sentence: "" });
  const doing = async (begun: string, work: () => Promise<string>) => {
    setState({ kind: "said", sentence: begun });
    try {
      setState({ kind: "said", sentence: await work() });
    } catch (error) {
      setState({ kind: "problem", sentence: sentenceOf(error) });
    }
  };
  const download = (to: "safetensors" | "huggingface") =>
    doing("Writing the file …", async () => {
      const file = await engine.call("write", { model: model.id, to, name: name.trim() || "my-model" });
      offer(file);
      return `${file.name} is in your downloads.`;
    });
  const keep = () =>
    doing("Keeping the model …", async () => {
      await engine.call("keep", { model: model.id, name: name.trim() });
      onKept();
      return `"${name.trim()}" is kept in this browser; the list of models at the top has it.`;
    });
  return (
    <>
      <div class="choice">
        <label>
          <span class="name">Name</span>
          <input value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <button type="button" onClick={keep}>
          Keep in this browser
        </button>
        <button type="button" onClick={() => download("safetensors")}>
          Download for deit
        </button>
        <button type="button" onClick={() => download("huggingface")}>
          Download for transformers.js
        </button>
      </div>
      <p role="status" class="fine">
        {state.kind === "said" && state.sentence}
      </p>
      {state.kind === "problem" && <Notice kind="problem">{state.sentence}</Notice>}
    </>
  );
}

function offer(file: File): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
