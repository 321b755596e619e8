/** The programs in `@example` tags of comments. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/** A program, and the comment that holds it. */
export interface Example {
  readonly path: string;
  /** File and line, for messages. */
  readonly where: string;
  readonly text: string;
}

/** All of them in the sources below a folder, in the order of files. */
export function examplesIn(folder: string): readonly Example[] {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return paths
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
    .sort()
    .flatMap((path) => examplesOf(join(folder, path)));
}

function examplesOf(path: string): readonly Example[] {
  const text = readFileSync(path, "utf8");
  if (!text.includes("@example")) return [];
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found = new Map<number, Example>();
  const visit = (node: ts.Node): void => {
    for (const tag of ts.getJSDocTags(node).filter(({ tagName }) => tagName.text === "example")) {
      const where = `${path}:${source.getLineAndCharacterOfPosition(tag.pos).line + 1}`;
      const comment = ts.getTextOfJSDocComment(tag.comment) ?? "";
      const block = /```(?:js|ts)\n([\s\S]*?)```/.exec(comment);
      if (!block) throw new Error(`${where}: an example must be a block of js or ts.`);
      found.set(tag.pos, { path, where, text: block[1] });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return [...found.values()];
}
