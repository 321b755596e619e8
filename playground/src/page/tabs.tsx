/** Tabs: one panel at a time, arrow keys move between them, the address keeps the choice. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export interface Tab {
  /** Also the fragment of the address. */
  readonly id: string;
  readonly title: string;
  readonly body: ComponentChildren;
}

const steps: Readonly<Record<string, (at: number, count: number) => number>> = {
  ArrowRight: (at, count) => (at + 1) % count,
  ArrowLeft: (at, count) => (at + count - 1) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};

/** Panels stay in the document when hidden, so that what they hold is not lost. */
export function Tabs({ label, tabs }: { readonly label: string; readonly tabs: readonly Tab[] }) {
  const [chosen, setChosen] = useState(() => indexOf(tabs));
  const buttons = useRef<(HTMLButtonElement | null)[]>([]);
  useEffect(() => {
    const follow = () => setChosen(indexOf(tabs));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, [tabs.length]);
  const choose = (at: number) => {
    setChosen(at);
    history.replaceState(null, "", `#${tabs[at].id}`);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const next = step(chosen, tabs.length);
    choose(next);
    buttons.current[next]?.focus();
  };
  return (
    <>
      <div role="tablist" aria-label={label} class="tabs" onKeyDown={onKeyDown}>
        {tabs.map(({ id, title }, i) => (
          <button
            key={id}
            ref={(element) => {
              buttons.current[i] = element;
            }}
            type="button"
            role="tab"
            id={`${id}-tab`}
            aria-controls={`${id}-panel`}
            aria-selected={i === chosen}
            tabIndex={i === chosen ? 0 : -1}
            onClick={() => choose(i)}
          >
            {title}
          </button>
        ))}
      </div>
      {tabs.map(({ id, body }, i) => (
        <section key={id} role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-tab`} hidden={i !== chosen}>
          {body}
        </section>
      ))}
    </>
  );
}

const indexOf = (tabs: readonly Tab[]): number =>
  Math.max(
    0,
    tabs.findIndex(({ id }) => `#${id}` === location.hash),
  );
