/** The library as TypeScript sees it: whatever an exported declaration names can be imported and is documented. */
import { join } from "node:path";
import ts from "typescript";
import { beforeAll, expect, it } from "vitest";
import { root } from "./cli/run.js";

const own = join(root, "dist/");
interface Export {
  readonly name: string;
  readonly symbol: ts.Symbol;
}
let exported: readonly Export[];
let checker: ts.TypeChecker;
beforeAll(() => {
  const entry = join(own, "index.d.ts");
  const program = ts.createProgram([entry], {
    ...{ module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
    ...{ target: ts.ScriptTarget.ES2022, strict: true, types: ["node"], noEmit: true },
  });
  checker = program.getTypeChecker();
  const of = (module: ts.Symbol, prefix = ""): Export[] =>
    checker.getExportsOfModule(module).flatMap((alias) => {
      const symbol = target(alias);
      const name = prefix + alias.name;
      return symbol.flags & ts.SymbolFlags.ValueModule ? of(symbol, `${name}.`) : [{ name, symbol }];
    });
  exported = of(checker.getSymbolAtLocation(program.getSourceFile(entry)!)!);
});

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
  const known = new Set(exported.map((e) => e.symbol));
  const hidden = exported.flatMap(({ name, symbol }) =>
    (symbol.declarations ?? []).flatMap(named).flatMap((type) => {
      const found = checker.getSymbolAtLocation(type);
      const meant = found && target(found);
      const file = meant?.declarations?.[0]?.getSourceFile().fileName;
      const ours = file?.startsWith(own) && !(meant!.flags & ts.SymbolFlags.TypeParameter);
      return ours && !known.has(meant!) ? [`${name}: ${type.getText()}`] : [];
    }),
  );
  expect(exported.length).toBeGreaterThan(200);
  expect([...new Set(hidden)]).toEqual([]);
});

it("says of every export what it is", () => {
  const silent = exported.filter(({ symbol }) => symbol.getDocumentationComment(checker).length === 0);
  expect(silent.map((e) => e.name)).toEqual([]);
});
