/** What went wrong, or should be known. */
import type { ComponentChildren } from "preact";

const titles = { problem: "Problem", note: "Note" } as const;

interface NoticeProps {
  readonly kind: keyof typeof titles;
  readonly children: ComponentChildren;
}

/** Problems are read out at once. */
export function Notice({ kind, children }: NoticeProps) {
  return (
    <div class={`notice ${kind}`} role={kind === "problem" ? "alert" : undefined}>
      <strong>{titles[kind]}</strong>
      <span>{children}</span>
    </div>
  );
}
