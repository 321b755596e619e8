/** The thread that unpacks one Parquet file. */
import { serveGuarded } from "../../../system/threads/guarded-job.js";
import { unpackParquet } from "./unpack.js";

void serveGuarded(unpackParquet);
