/** The thread that unpacks one Parquet file. */
import { serveGuarded } from "../../system/guarded-job.js";
import { unpackParquet } from "./parquet-unpack.js";

void serveGuarded(unpackParquet);
