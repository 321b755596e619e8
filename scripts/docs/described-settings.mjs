/** TypeDoc plugin: a property whose Zod schema has a description, as the settings of a recipe have, is documented by it. */
import { Comment, Converter, ReflectionKind } from "typedoc";
import ts from "typescript";

export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (reflection.hasComment() || !reflection.kindOf(ReflectionKind.Property)) return;
    for (const node of context.getSymbolFromReflection(reflection)?.declarations ?? []) {
      const text = ts.isPropertyAssignment(node) && descriptionIn(node.initializer);
      if (text) reflection.comment = new Comment([{ kind: "text", text }]);
    }
  });
}

/** The description that a chain of calls ends with: `.meta({ description })` or `.describe("…")`. */
function descriptionIn(node) {
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
  return descriptionIn(node.expression.expression);
}
