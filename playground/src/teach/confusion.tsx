/** How the pictures that were held out were classified. */
import type { HeldOut } from "deit/web";
import { counted } from "../page/words";

export function Confusion({ heldOut }: { readonly heldOut: HeldOut }) {
  const { top1, count, confusion, classes } = heldOut;
  const right = confusion.reduce((sum, row, i) => sum + row[i], 0);
  return (
    <>
      <p>
        <strong>{top1.toFixed(0)} % right</strong>: {right} of {counted(count, "picture")} that were held out of the
        training. {count < 50 && "With so few, take it as a rough guide."}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table scrolls by keyboard too. */}
      <section class="scroll" aria-label="Confusion" tabIndex={0}>
        <table>
          <caption>Held-out pictures by their class (rows) and the answer (columns)</caption>
          <thead>
            <tr>
              <td />
              {classes.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {confusion.map((row, i) => (
              <tr key={classes[i]}>
                <th scope="row">{classes[i]}</th>
                {row.map((value, j) => (
                  <td key={classes[j]} class={value === 0 ? "" : i === j ? "right" : "wrong"}>
                    {value}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}
