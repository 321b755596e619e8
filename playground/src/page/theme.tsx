/** Light or dark: like the system, until the reader chooses. */
import { useEffect, useState } from "preact/hooks";

type Theme = "light" | "dark";
const key = "deit-playground-theme";

/** Storage may be forbidden; then the choice lasts as long as the page. */
function chosen(): Theme | undefined {
  try {
    const value = localStorage.getItem(key);
    return value === "light" || value === "dark" ? value : undefined;
  } catch {
    return undefined;
  }
}

function keep(theme: Theme): void {
  try {
    localStorage.setItem(key, theme);
  } catch (error) {
    console.warn(error);
  }
}

const dark = matchMedia("(prefers-color-scheme: dark)");

export function ThemeSwitch() {
  const [choice, setChoice] = useState(chosen);
  const [system, setSystem] = useState<Theme>(dark.matches ? "dark" : "light");
  useEffect(() => {
    const follow = () => setSystem(dark.matches ? "dark" : "light");
    dark.addEventListener("change", follow);
    return () => dark.removeEventListener("change", follow);
  }, []);
  useEffect(() => {
    if (choice) document.documentElement.dataset.theme = choice;
  }, [choice]);
  const theme = choice ?? system;
  const change = () => {
    const next = theme === "dark" ? "light" : "dark";
    keep(next);
    setChoice(next);
  };
  return (
    <button type="button" role="switch" class="theme" aria-checked={theme === "dark"} onClick={change}>
      <span class="knob" aria-hidden="true" />
      Dark
    </button>
  );
}
