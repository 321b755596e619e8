/** The data doctor: examines every image of a dataset and reports what is wrong with it. */
import type { OnOpening } from "../dataset/opening.js";
import { checkClasses } from "./checks/classes.js";
import { checkCopies } from "./checks/copies.js";
import { checkFiles } from "./checks/files.js";
import { checkPictures } from "./checks/pictures.js";
import type { Check, Finding } from "./finding.js";
import { takeInventory } from "./inventory.js";
import { type Survey, type SurveyOptions, survey } from "./survey.js";

export interface CheckReport {
  readonly path: string;
  readonly survey: Survey;
  /** Serious ones first. */
  readonly findings: readonly Finding[];
  readonly seconds: number;
}

/** One line per check. */
const checks: readonly Check[] = [checkFiles, checkCopies, checkClasses, checkPictures];

const order = { serious: 0, warning: 1, note: 2 } as const;

/**
 * Checks the data at `path`, which may be anything that training accepts. Throws FileError if there is none, and
 * InterruptedError if `signal` is aborted.
 */
export async function checkData(
  path: string,
  options: SurveyOptions & { readonly onOpening?: OnOpening },
): Promise<CheckReport> {
  const start = performance.now();
  const surveyed = await survey(await takeInventory(path, options.onOpening), options);
  const findings = checks.flatMap((check) => check(surveyed)).sort((a, b) => order[a.severity] - order[b.severity]);
  return { path, survey: surveyed, findings, seconds: (performance.now() - start) / 1000 };
}
