/** Models that commands open. */
import { UnnamedModelError, UsageError } from "../../errors/errors.js";
import { type ModelChoice, type OpenedModel, openModel } from "../../evaluation/open-model.js";
import { warn } from "../output/output.js";

/** How the model of weights is named: by the option of commands that open one, before the weights where they are several. */
const ways = { option: "with --model", argument: "as MODEL:WEIGHTS" } as const;

/** Opens a model with its weights, and says what should be said of how they are taken. */
export async function openNotedModel(choice: ModelChoice, named: keyof typeof ways = "option"): Promise<OpenedModel> {
  const opened = await openModel(choice).catch((error: unknown) => {
    if (!(error instanceof UnnamedModelError)) throw error;
    throw new UsageError(UnnamedModelError.naming(error.found, ways[named]), { cause: error });
  });
  for (const note of opened.notes) warn(note);
  return opened;
}
