/** New pictures for a taught model. */
import { useState } from "preact/hooks";
import { Predictions, spoken } from "../classify/predictions";
import { useAnswer } from "../classify/use-answer";
import type { LocalModel } from "../models/page-model";
import { Notice } from "../page/notice";
import { Gather } from "../pictures/gather";
import type { Picture } from "../pictures/picture";

export function TryIt({ model }: { readonly model: LocalModel }) {
  const [picture, setPicture] = useState<Picture>();
  const [problem, setProblem] = useState<string>();
  const asked = useAnswer(model, picture);
  const add = ([first]: readonly Picture[]) => {
    setProblem(undefined);
    setPicture(first);
  };
  return (
    <>
      <Gather label="New pictures" many={false} onPictures={add} onProblem={setProblem}>
        <p>Does it know a picture that it has not seen?</p>
      </Gather>
      {problem && <Notice kind="problem">{problem}</Notice>}
      {picture && (
        <div class="tried">
          <img src={picture.address} alt={picture.name} />
          <div>
            <p role="status" class="hidden">
              {asked.kind === "answered" && spoken(picture.name, asked.answer.predictions)}
            </p>
            {asked.kind === "answered" && <Predictions predictions={asked.answer.predictions} />}
            {asked.kind === "failed" && <Notice kind="problem">{asked.sentence}</Notice>}
          </div>
        </div>
      )}
    </>
  );
}
