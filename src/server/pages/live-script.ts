/** The script of the pages of runs, as text: it runs in browsers. */

export const liveScript = `// Renews the page when a run has changed; what the reader has opened, ticked or focused stays so.
const main = document.querySelector("main");
const say = (text) => {
  for (const place of document.querySelectorAll("[data-live]")) place.textContent = text;
};
const keyOf = (element, i) => element.id || element.value || element.textContent.slice(0, 80) + i;
const each = (selector, use) => main.querySelectorAll(selector).forEach((element, i) => use(element, keyOf(element, i)));

function renewFrom(next) {
  const open = new Set();
  const ticked = new Set();
  let focused;
  each("details", (element) => element.open && open.add(element.firstElementChild.textContent));
  each("input", (element, key) => element.checked && ticked.add(key));
  each("a,input,button,summary,[tabindex]", (element, key) => {
    if (element === document.activeElement) focused = key;
  });
  main.replaceChildren(...next.querySelector("main").childNodes);
  each("details", (element) => {
    if (open.has(element.firstElementChild.textContent)) element.open = true;
  });
  each("input", (element, key) => {
    element.checked = ticked.has(key);
  });
  each("a,input,button,summary,[tabindex]", (element, key) => {
    if (key === focused) element.focus({ preventScroll: true });
  });
}

let asking = false;
let again = false;
async function renew() {
  again = true;
  if (asking) return;
  asking = true;
  while (again) {
    again = false;
    const answer = await fetch(location.href).catch(() => undefined);
    if (answer?.ok) renewFrom(new DOMParser().parseFromString(await answer.text(), "text/html"));
    const failed = answer && !answer.ok ? (await answer.json().catch(() => undefined))?.error : undefined;
    if (answer?.ok) say("Live; renewed at " + new Date().toLocaleTimeString() + ".");
    else say(failed ? "This is the last that could be read: " + failed : "The server does not answer; trying again.");
  }
  asking = false;
}

const events = new EventSource("/runs/events");
events.addEventListener("change", renew);
events.addEventListener("open", renew);
events.addEventListener("error", () => say("The connection is lost; trying again."));
`;
