/** The answer of a model to a picture, asked for when either changes. */
import { useEffect, useState } from "preact/hooks";
import { Cancelled, sentenceOf } from "../engine/failure";
import type { Answer } from "../engine/protocol";
import type { PageModel } from "../models/page-model";
import type { Picture } from "../pictures/picture";

export type Asked =
  | { readonly kind: "nothing" }
  | { readonly kind: "working" }
  | { readonly kind: "answered"; readonly answer: Answer; readonly milliseconds: number }
  | { readonly kind: "failed"; readonly sentence: string };

export function useAnswer(model: PageModel | undefined, picture: Picture | undefined): Asked {
  const [asked, setAsked] = useState<Asked>({ kind: "nothing" });
  useEffect(() => {
    if (!model || !picture) {
      setAsked({ kind: "nothing" });
      return;
    }
    const leaving = new AbortController();
    const start = performance.now();
    setAsked({ kind: "working" });
    model.classify(picture.blob, leaving.signal).then(
      (answer) =>
        !leaving.signal.aborted && setAsked({ kind: "answered", answer, milliseconds: performance.now() - start }),
      (error) => {
        if (leaving.signal.aborted || error instanceof Cancelled) return;
        setAsked({ kind: "failed", sentence: sentenceOf(error).replace(/^"blob"/, `"${picture.name}"`) });
      },
    );
    return () => leaving.abort();
  }, [model, picture]);
  return asked;
}
