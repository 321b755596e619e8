/** The browser's question before a page is left that would lose something. */
import { useEffect } from "preact/hooks";

/** While `losing`, the browser asks before it leaves or reloads the page. */
export function useAskBeforeLeaving(losing: boolean): void {
  useEffect(() => {
    if (!losing) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [losing]);
}
