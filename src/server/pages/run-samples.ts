/** Some of the images that a run is measured on, as thumbnails with their classes. */
import { messageOf } from "../../errors/message-of.js";
import { type Content, html } from "../../report/html.js";
import { notice, thumbnail, thumbnails } from "../../report/page.js";
import { samplePicture } from "../../report/pictures.js";
import { runTestData } from "../../training/feed/run-data.js";
import type { RunSummary } from "../../training/run-folder/summary.js";

/** Images of a run. */
const shown = 12;
/** Milliseconds that a page waits for them; large data takes longer to open. */
const patience = 1000;
/** Runs whose images are kept. */
const mostKept = 32;

export class RunSamples {
  /** By folder and start, since a folder can be used again. */
  readonly #kept = new Map<string, Promise<Content>>();

  /** What a page shows; nothing is fetched for it. */
  of(run: RunSummary): Promise<Content> {
    const key = `${run.folder}\0${run.manifest.began}`;
    const found = this.#kept.get(key) ?? samplesOf(run);
    this.#kept.delete(key);
    this.#kept.set(key, found);
    if (this.#kept.size > mostKept) this.#kept.delete(this.#kept.keys().next().value!);
    const later = html`<p>The images are being read; load the page again in a moment.</p>`;
    return Promise.race([found, new Promise<Content>((resolve) => setTimeout(resolve, patience, later))]);
  }
}

async function samplesOf(run: RunSummary): Promise<Content> {
  const { data, test, validation } = run.manifest;
  if ([data, test, validation].some((place) => place?.includes("://")))
    return html`<p>The images are not on this machine, and the server fetches nothing.</p>`;
  try {
    const dataset = await runTestData(run);
    if (!dataset) return html`<p>The run is not measured on any images.</p>`;
    const count = Math.min(shown, dataset.length);
    const indices = Array.from({ length: count }, (_, i) => Math.floor((i * dataset.length) / count));
    const single = await Promise.all(
      indices.map(async (i) => {
        const name = dataset.classes[dataset.label(i)];
        return thumbnail({
          picture: await samplePicture(dataset.source(i)),
          alt: `An image of ${name}`,
          caption: name,
        });
      }),
    );
    return [
      html`<p>${count} of the ${dataset.length} images that the run is measured on, with their classes.</p>`,
      thumbnails(single),
    ];
  } catch (error) {
    return notice("note", `The images cannot be shown: ${messageOf(error)}`);
  }
}
