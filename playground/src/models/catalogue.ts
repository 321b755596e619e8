/** What the origin of the page offers: the file `playground.json` beside it. */
import type { Catalogue } from "../../../src/server/playground/catalogue";
import { PageError } from "../engine/failure";

export type { Catalogue, Offered } from "../../../src/server/playground/catalogue";

/** Throws PageError if there is none. */
export async function readCatalogue(): Promise<Catalogue> {
  const answer = await fetch("./playground.json").catch(() => undefined);
  if (!answer?.ok)
    throw new PageError(
      "The list of models beside this page cannot be read; is its server still running? Models from files still work.",
    );
  return (await answer.json()) as Catalogue;
}
