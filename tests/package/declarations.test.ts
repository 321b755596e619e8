/**
 * The library as strict TypeScript sees it where the package is installed: whatever an exported declaration names can be
 * imported and is documented, and the programs that are shown compile.
 */
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, expect, it } from "vitest";
import { root } from "../cli/run.js";
import { packed } from "../docs/packed.js";
import { programs } from "../docs/samples.js";

interface Export {
  readonly name: string;
  readonly symbol: ts.Symbol;
}
let folder: string;
let own: string;
let shown: readonly string[];
let program: ts.Program;
let exported: readonly Export[];
/** What each entry point of the package exports. */
let entries: ReadonlyMap<string, readonly Export[]>;
let checker: ts.TypeChecker;
beforeAll(async () => {
  folder = await mkdtemp(join(await realpath(tmpdir()), "deit-programs-"));
  const modules = join(await realpath(await packed()), "node_modules");
  await symlink(modules, join(folder, "node_modules"));
  own = join(modules, "deit/dist/");
  const texts = [
    // A program of transformers.js needs that beside it, not this package; tests/export runs it.
    ...(await programs())
      .filter(({ text }) => !text.includes('from "@huggingface/transformers"'))
      .map(({ text }, i) => [`block-${i}.mts`, text]),
    ...readdirSync(join(root, "examples")).map((name) => [name, readFileSync(join(root, "examples", name), "utf8")]),
  ];
  for (const [name, text] of texts) await writeFile(join(folder, name), text);
  shown = texts.map(([name]) => join(folder, name));
  const { exports } = JSON.parse(readFileSync(join(own, "../package.json"), "utf8"));
  const types = Object.entries(exports as Record<string, { readonly types?: string }>).flatMap(([name, { types }]) =>
    types ? [[name, join(own, "..", types)] as const] : [],
  );
  program = ts.createProgram([...types.map(([, path]) => path), ...shown], {
    ...{ module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
    ...{ target: ts.ScriptTarget.ES2022, strict: true, noEmit: true, allowJs: true, checkJs: true },
    ...{ skipLibCheck: false, skipDefaultLibCheck: true },
    ...{ types: ["node"], typeRoots: [join(root, "node_modules/@types")] },
  });
  checker = program.getTypeChecker();
  const of = (module: ts.Symbol, prefix = ""): Export[] =>
    checker.getExportsOfModule(module).flatMap((alias) => {
      const symbol = target(alias);
      const name = prefix + alias.name;
      return symbol.flags & ts.SymbolFlags.ValueModule ? of(symbol, `${name}.`) : [{ name, symbol }];
    });
  entries = new Map(
    types.map(([name, path]) => [name, of(checker.getSymbolAtLocation(program.getSourceFile(path)!)!)]),
  );
  exported = entries.get(".")!;
}, 300_000);
afterAll(() => rm(folder, { recursive: true }));

it("compiles the programs of README, docs and examples, these as JavaScript", () => {
  expect(shown.length).toBeGreaterThan(4);
  const faults = ts
    .getPreEmitDiagnostics(program)
    .map((d) => `${d.file?.fileName}: ${ts.flattenDiagnosticMessageText(d.messageText, "\n")}`);
  expect(faults).toEqual([]);
}, 300_000);

const target = (symbol: ts.Symbol): ts.Symbol =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;

/** Types that the declaration names, its private members left out. */
function named(node: ts.Node): ts.EntityName[] {
  if (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some((m) => m.kind === ts.SyntaxKind.PrivateKeyword))
    return [];
  const here = ts.isTypeReferenceNode(node)
    ? [node.typeName]
    : ts.isExpressionWithTypeArguments(node) && ts.isIdentifier(node.expression)
      ? [node.expression]
      : ts.isImportTypeNode(node) && node.qualifier
        ? [node.qualifier]
        : [];
  const below: ts.EntityName[] = [];
  ts.forEachChild(node, (child) => {
    below.push(...named(child));
  });
  return [...here, ...below];
}

it("exports every type of its own that an exported declaration names", () => {
  // What is below need not repeat what "deit" itself exports.
  const all = [...entries].flatMap(([entry, list]) => list.map((e) => ({ ...e, entry })));
  const known = (entry: string) => new Set([...exported, ...entries.get(entry)!].map((e) => e.symbol));
  // Computed from the table of families; an editor shows the options themselves.
  const computed = new Set(["AllOptions"]);
  const declared = all.filter(({ name }) => !computed.has(name));
  const hidden = declared.flatMap(({ name, symbol, entry }) =>
    (symbol.declarations ?? []).flatMap(named).flatMap((type) => {
      const found = checker.getSymbolAtLocation(type);
      const meant = found && target(found);
      const file = meant?.declarations?.[0]?.getSourceFile().fileName;
      const ours = file?.startsWith(own) && !(meant!.flags & ts.SymbolFlags.TypeParameter);
      return ours && !known(entry).has(meant!) ? [`${entry} ${name}: ${type.getText()}`] : [];
    }),
  );
  expect(exported.length).toBeGreaterThan(200);
  expect([...new Set(hidden)]).toEqual([]);
});

it("documents every export", () => {
  expect([...entries.keys()]).toEqual([
    ".",
    "./data",
    "./engines",
    "./report",
    "./server",
    "./tensor",
    "./training",
    "./web",
  ]);
  const silent = [...entries.values()]
    .flat()
    .filter(({ symbol }) => symbol.getDocumentationComment(checker).length === 0);
  expect(silent.map((e) => e.name)).toEqual([]);
});
