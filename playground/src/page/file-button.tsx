/** A button that asks for files. */
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";

interface FileButtonProps {
  /** What the files are for, in words. */
  readonly label: string;
  /** Which files: as in the attribute of that name. */
  readonly accept?: string;
  /** One file, several, or all in a folder. */
  readonly asks: "file" | "files" | "folder";
  /** Called with what was chosen: none in an empty folder. */
  readonly onFiles: (files: readonly File[]) => void;
  readonly children: ComponentChildren;
}

export function FileButton({ label, accept, asks, onFiles, children }: FileButtonProps) {
  const input = useRef<HTMLInputElement | null>(null);
  const chosen = () => {
    onFiles([...(input.current!.files ?? [])]);
    // The same files can be chosen again.
    input.current!.value = "";
  };
  return (
    <>
      <input
        ref={(element) => {
          input.current = element;
          if (asks === "folder") element?.setAttribute("webkitdirectory", "");
        }}
        type="file"
        accept={accept}
        multiple={asks === "files"}
        class="hidden"
        tabIndex={-1}
        aria-label={label}
        onChange={chosen}
      />
      <button type="button" onClick={() => input.current!.click()}>
        {children}
      </button>
    </>
  );
}
