/** Text files line by line, each of bounded length. */
import { FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { streamRegular } from "./regular-file.js";

/** Lines without their terminators; throws for a line of more than `longest` characters. */
export async function* linesOf(path: string, longest = 1 << 20): AsyncGenerator<string, void> {
  let rest = "";
  try {
    for await (const piece of (await streamRegular(path)).setEncoding("utf8") as AsyncIterable<string>) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop() ?? "";
      if (rest.length > longest) {
        throw new FileError(path, `"${path}" has a line of more than ${longest} characters, so it is not a list.`);
      }
      for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
    }
  } catch (error) {
    throw fileError(path, "read", error);
  }
  if (rest !== "") yield rest;
}
