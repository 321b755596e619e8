/** The site: docs/ and the reference of the library (npm run docs). Each entry point that package.json exports is a module. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { contents, indexPage, root } from "./scripts/docs/index-page.mjs";

const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const sources = Object.values(exports).flatMap(
  ({ types }) => types?.replace("./dist/", "src/").replace(/\.d\.ts$/, ".ts") ?? [],
);

export default {
  name: "deit",
  entryPoints: sources,
  alwaysCreateEntryPointModule: true,
  tsconfig: "tsconfig.build.json",
  readme: indexPage,
  projectDocuments: contents().flatMap(({ pages }) => pages.map(({ path }) => path)),
  plugin: ["sidebar", "described-settings"].map((name) => join(root, `scripts/docs/${name}.mjs`)),
  theme: "deit",
  customCss: join(root, "scripts/docs/site.css"),
  out: "site",
  navigation: { includeFolders: false },
  searchInDocuments: true,
  // No page of the site depends on where or when it was built.
  disableGit: true,
  disableSources: true,
  // `npm run typecheck` does it.
  skipErrorChecking: true,
  excludeInternal: true,
  excludeExternals: true,
  // A link within docs/, README and CONTRIBUTING that leads nowhere fails the build.
  treatWarningsAsErrors: true,
  // Every export and every member of one is documented.
  validation: { invalidLink: true, invalidPath: true, notExported: true, notDocumented: true },
  // Tables whose names are the values of an exported type.
  intentionallyNotExported: [
    ...[
      "batchTransforms",
      "choiceKeys",
      "distillationModes",
      "interpolations",
      "losses",
      "normalizationNames",
      "optimizers",
      "partNames",
    ],
    ...["src/data/augment/operations.ts:table", "src/errors/settings.ts:settings"],
    // Of the browser.
    ...["ImageBitmap", "HTMLImageElement", "HTMLVideoElement", "HTMLCanvasElement", "OffscreenCanvas"].map(
      (name) => `src/web/browser.d.ts:${name}`,
    ),
  ],
};
