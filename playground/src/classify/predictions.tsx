/** The most likely classes, with bars. */
import type { Prediction } from "deit/web";
import { percent, plain } from "../page/words";

export function Predictions({ predictions }: { readonly predictions: readonly Prediction[] }) {
  return (
    <ol class="predictions" aria-label="Most likely classes">
      {predictions.map(({ label, score, index }) => (
        <li key={index}>
          <span class="label">{plain(label)}</span>
          <span class="score">{percent(score)}</span>
          <span class="bar" aria-hidden="true">
            <i style={{ width: percent(score).replace(" ", "") }} />
          </span>
        </li>
      ))}
    </ol>
  );
}

/** For readers who hear the page. */
export const spoken = (name: string, [first]: readonly Prediction[]): string =>
  `${name}: ${plain(first.label)}, ${percent(first.score)}.`;
