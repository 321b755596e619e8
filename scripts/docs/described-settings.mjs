/**
 * TypeDoc plugin: a property whose Zod schema has a description, as the settings of a recipe and the fields of the log have,
 * is documented by it.
 */
import { Comment, Converter, ReflectionKind } from "typedoc";
import ts from "typescript";

export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (reflection.hasComment() || !reflection.kindOf(ReflectionKind.Property)) return;
    const symbol = context.getSymbolFromReflection(reflection);
    const text = symbol && (descriptionOf(symbol, context.checker) ?? enumerated(symbol));
    if (text) reflection.comment = new Comment([{ kind: "text", text }]);
  });
}

/** The description of the schema that a property of an object literal has. */
function descriptionOf(symbol, checker) {
  for (const node of symbol.declarations ?? []) {
    const value = ts.isShorthandPropertyAssignment(node)
      ? initializerOf(checker.getShorthandAssignmentValueSymbol(node))
      : ts.isPropertyAssignment(node)
        ? node.initializer
        : undefined;
    const text = value && descriptionIn(value, checker);
    if (text) return text;
  }
  return undefined;
}

/** The names of a `z.enum` are declared nowhere; what they mean is in the description of their setting. */
const enumerated = (symbol) => (symbol.declarations ? undefined : "One of the values.");

const initializerOf = (symbol) => symbol?.declarations?.map((node) => node.initializer).find(Boolean);

/** The description that a chain of calls ends with: `.meta({ description })` or `.describe("…")`; of a name, that of its value. */
function descriptionIn(node, checker) {
  if (ts.isIdentifier(node) || (ts.isPropertyAccessExpression(node) && !ts.isCallExpression(node.expression))) {
    const value = initializerOf(checker.getSymbolAtLocation(node));
    return value && descriptionIn(value, checker);
  }
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return undefined;
  const [argument] = node.arguments;
  const method = node.expression.name.text;
  if (method === "describe" && argument && ts.isStringLiteralLike(argument)) return argument.text;
  if (method === "meta" && argument && ts.isObjectLiteralExpression(argument))
    for (const property of argument.properties)
      if (
        ts.isPropertyAssignment(property) &&
        property.name.getText() === "description" &&
        ts.isStringLiteralLike(property.initializer)
      )
        return property.initializer.text;
  return descriptionIn(node.expression.expression, checker);
}
