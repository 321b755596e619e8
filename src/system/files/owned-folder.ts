/** Folders in which a single process writes at a time. */
import { join } from "node:path";
import { TrainingError } from "../../errors/errors.js";
import { type Lock, takeLock } from "./lock-file.js";
import { makeFolder } from "./make-folder.js";
import { namedProcess } from "./process-identity.js";

/** Creates the folder unless it exists, and locks it; `what` names it. Throws TrainingError if another process has it. */
export async function ownFolder(folder: string, what: string): Promise<Lock> {
  await makeFolder(folder, what);
  return takeLock(join(folder, "lock"), {
    held: (owner) =>
      new TrainingError(`${namedProcess(owner)} is writing in "${folder}"; wait for it, or choose another folder.`),
  });
}
