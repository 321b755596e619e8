/** Pages of training runs below /runs, renewed by server-sent events. */
import { join } from "node:path";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { html } from "../../report/html.js";
import { notice, page } from "../../report/page.js";
import { readWhole } from "../../system/files/regular-file.js";
import { busy, Problem } from "../problem.js";
import { liveScript } from "./live-script.js";
import { Pages } from "./pages.js";
import { RunsFolder } from "./runs-folder.js";

/** Pages that are watching at the same time. */
const mostWatching = 64;
/** Milliseconds between signs of life, without which proxies close a connection. */
const heartbeat = 15_000;
/** Bytes of a report at most. */
const mostReportBytes = 256 * 2 ** 20;
/** Runs on a page at most. */
const mostCompared = 12;

export interface RunsRoutes {
  readonly routes: Hono;
  /** Ends the thread that writes pages. */
  close(): void;
}

/** `stopping` ends the events. */
export function runsRoutes(root: string, stopping: AbortSignal): RunsRoutes {
  const runs = new RunsFolder(root);
  const pages = new Pages();
  const app = new Hono();
  let watching = 0;
  // Whoever opens a page gets one; the script of a page that is open, and other programs, get JSON.
  app.onError((error, context) => {
    const wantsPage = context.req.header("accept")?.includes("text/html");
    if (!wantsPage || !(error instanceof Problem)) throw error;
    return context.html(problemPage(error.message), error.status, error.headers);
  });

  app.get("/", async (context) => context.html(await pages.page({ root })));
  app.get("/show", async (context) => {
    const names = context.req.queries("run") ?? [];
    if (names.length === 0) throw new Problem(400, "No run is named; tick at least one in the list at /runs.");
    if (names.length > mostCompared) throw new Problem(400, `At most ${mostCompared} runs can be compared at once.`);
    return context.html(await pages.page({ root, names }));
  });
  app.get("/report", async (context) => {
    const [found] = await runs.named([context.req.query("run") ?? ""]);
    const bytes = await readWhole(join(found.folder, "report.html"), mostReportBytes).catch(() => {
      throw new Problem(404, `The run ${found.name} has no report; deit report writes it.`);
    });
    // Whatever a file says, nothing in it runs or is loaded.
    context.header("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox");
    return context.html(bytes.toString("utf8"));
  });
  app.get("/live.js", (context) => context.body(liveScript, 200, { "Content-Type": "text/javascript; charset=utf-8" }));
  app.get("/events", (context) => {
    if (watching >= mostWatching) throw busy(`${mostWatching} pages are watching already; close one of them.`);
    watching++;
    return streamSSE(context, async (stream) => {
      const end = new AbortController();
      const ended = new Promise<void>((resolve) => end.signal.addEventListener("abort", () => resolve()));
      const close = () => end.abort();
      stream.onAbort(close);
      stopping.addEventListener("abort", close);
      if (stopping.aborted) close();
      runs.watch(() => void stream.writeSSE({ event: "change", data: "" }), end.signal);
      const beat = setInterval(() => void stream.writeSSE({ event: "beat", data: "" }), heartbeat);
      try {
        await stream.writeSSE({ event: "beat", data: "" });
        await ended;
      } finally {
        clearInterval(beat);
        stopping.removeEventListener("abort", close);
        watching--;
      }
    });
  });
  return { routes: app, close: () => pages.close() };
}

/** Why there is no page, for readers of pages. */
const problemPage = (message: string): string =>
  page({
    title: "This cannot be shown",
    summary: [notice("warning", message), html`<p><a href="/runs">All runs</a></p>`],
    sections: [],
  });
