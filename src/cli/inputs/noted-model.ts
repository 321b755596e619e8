/** Models that commands open. */
import { type ModelChoice, type OpenedModel, openModel } from "../../evaluation/open-model.js";
import { warn } from "../output/output.js";

/** Opens a model with its weights, and prints notes on how they were interpreted. */
export async function openNotedModel(choice: ModelChoice): Promise<OpenedModel> {
  const opened = await openModel(choice);
  for (const note of opened.notes) warn(note);
  return opened;
}
