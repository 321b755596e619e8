/**
 * Long work on the XLA engine runs in a child process: XLA needs allocator settings that a process cannot set for
 * itself.
 */

import { followParent, isLaunched, launch } from "../../cluster/launcher.js";
import { chooseEngine, type EngineChoice } from "../../engines/open.js";
import type { Ending } from "../output/interruption.js";

/**
 * Whether a child process has run the whole command, in which case its exit code is used. If not, the work is done
 * here.
 */
export async function relaunched(options: EngineChoice, ending: Ending): Promise<boolean> {
  const { engine } = await chooseEngine(options);
  if (engine === "xla" && !isLaunched()) {
    ending.leaveToChild();
    process.exitCode = await launch(process.argv[1], process.argv.slice(2));
    return true;
  }
  followParent();
  return false;
}
