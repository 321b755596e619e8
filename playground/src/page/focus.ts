/** Where the keyboard goes on when the element that had the focus is gone. */

/** Focuses the first element that `selector` finds in `root`, once the page shows what has just changed. */
export function focusNext(root: Element | null | undefined, selector: string): void {
  requestAnimationFrame(() => root?.querySelector<HTMLElement>(selector)?.focus());
}
