/** The loss over the epochs, on the pictures that are learned from and on those held out. */
import type { FineTuneEpoch } from "deit/web";

const width = 480;
const height = 160;

export function Curve({ history, epochs }: { readonly history: readonly FineTuneEpoch[]; readonly epochs: number }) {
  const held = history.flatMap(({ epoch, validation }) => (validation ? [[epoch, validation.loss] as const] : []));
  const learned = history.map(({ epoch, loss }) => [epoch, loss] as const);
  const most = Math.max(...[...learned, ...held].map(([, loss]) => loss), 1e-6);
  const place = ([epoch, loss]: readonly [number, number]) =>
    `${((epoch - 1) / Math.max(1, epochs - 1)) * width},${height - (loss / most) * height}`;
  const last = history[history.length - 1];
  return (
    <figure class="curve">
      <svg
        viewBox={`-4 -4 ${width + 8} ${height + 8}`}
        role="img"
        aria-label={`Loss after epoch ${last.epoch} of ${epochs}: ${last.loss.toFixed(2)}`}
      >
        <path class="axis" d={`M0 0V${height}H${width}`} />
        <polyline class="learned" points={learned.map(place).join(" ")} />
        {held.length > 0 && <polyline class="held" points={held.map(place).join(" ")} />}
      </svg>
      <figcaption class="fine">
        Loss by epoch, from 0 to {most.toFixed(2)}: <span class="learned">pictures learned from</span>
        {held.length > 0 && (
          <>
            , <span class="held">pictures held out</span>
          </>
        )}
      </figcaption>
    </figure>
  );
}
