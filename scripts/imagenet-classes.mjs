// Writes src/models/imagenet-classes.generated.ts from the two lists that timm carries: the synsets in the order of the
// models' outputs, and WordNet's words for each.
//   node scripts/imagenet-classes.mjs SITE-PACKAGES/timm/data/_info
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [folder] = process.argv.slice(2);
const lines = (name) => readFileSync(join(folder, name), "utf8").trim().split("\n");
const words = new Map(lines("imagenet_synset_to_lemma.txt").map((line) => line.split("\t")));
const synsets = lines("imagenet_synsets.txt");
if (synsets.length !== 1000) throw new Error(`There are ${synsets.length} synsets instead of 1000.`);
// The first of the words that mean the same.
const classes = synsets.map((synset) => `${synset} ${words.get(synset).split(",")[0].trim()}`);
writeFileSync(
  new URL("../src/models/imagenet-classes.generated.ts", import.meta.url),
  `// Written by scripts/imagenet-classes.mjs. Words: WordNet 3.0, copyright 2006 by Princeton University.
export const imagenetClasses: readonly string[] = \`
${classes.join("\n")}
\`
  .trim()
  .split("\\n");
`,
);
