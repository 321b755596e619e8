/** A small page at `/` that classifies a picture of the reader's, until a folder with a page of its own is given. */
import { html } from "../../report/html.js";
import { page } from "../../report/page.js";

/** `models`: names; `runs`: whether there are pages of training runs. */
export function classifyPage(models: readonly string[], runs: boolean): string {
  const choice =
    models.length === 1
      ? html`<input type="hidden" name="model" value="${models[0]}">`
      : html`<p><label>Model <select name="model">${models.map((name) => html`<option>${name}</option>`)}</select></label></p>`;
  return page({
    title: "Classify a picture",
    lead: html`Served by <code>deit serve</code>: <a href="/models">models</a>, <a href="/openapi.json">interface</a>, <a href="/metrics">metrics</a>${runs ? html`, <a href="/runs">training runs</a>` : ""}.`,
    summary: html`<form>${choice}<p><label>Picture <input type="file" name="image" accept="image/*"></label></p></form>
<p role="status" id="said"></p><div id="answer"></div>`,
    sections: [],
    script: "/classify.js",
    css: "label{display:inline-flex;flex-wrap:wrap;gap:.5rem}input,select{font:inherit;max-width:100%;color:inherit}",
  });
}

/** Its script: it runs in browsers. */
export const classifyScript = `const form = document.querySelector("form");
const say = (text) => {
  document.querySelector("#said").textContent = text;
};

function show(predictions) {
  const list = document.createElement("ol");
  for (const { label, score } of predictions) {
    const item = document.createElement("li");
    item.textContent = (100 * score).toFixed(1) + " % " + label;
    list.append(item);
  }
  document.querySelector("#answer").replaceChildren(list);
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", async () => {
  const [picture] = form.elements.image.files;
  if (!picture) return;
  say("Classifying …");
  const place = "/models/" + encodeURIComponent(form.elements.model.value) + "/classify";
  const answer = await fetch(place, { method: "POST", body: picture }).catch(() => undefined);
  const found = await answer?.json().catch(() => undefined);
  if (found?.predictions) show(found.predictions);
  say(found?.predictions ? picture.name : (found?.error ?? "The server does not answer; is it still running?"));
});
`;
