#!/usr/bin/env node
import { endWithReader } from "../dist/cli/broken-pipe.js";
import { main } from "../dist/cli/main.js";

endWithReader();
process.exitCode = await main(process.argv.slice(2));
