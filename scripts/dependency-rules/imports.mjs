import { parseSync, Visitor } from 'oxc-parser';

/**
 * Every import a TypeScript source writes, as { specifier, form, line }. form is 'import' or 'import()' for what
 * remains at run time, 'type' for what the compiler erases, 'require'. specifier is undefined where it is computed.
 */
export function importsOf(file, text) {
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
  const found = [];
  const add = (form, node, source) => {
    const specifier = source?.type === 'Literal' ? source.value : undefined;
    found.push({ specifier, form, line: text.slice(0, node.start).split('\n').length });
  };
  const visitor = new Visitor({
    ImportDeclaration: (node) => add(node.importKind === 'type' ? 'type' : 'import', node, node.source),
    ExportAllDeclaration: (node) => add(node.exportKind === 'type' ? 'type' : 'import', node, node.source),
    ExportNamedDeclaration: (node) =>
      node.source && add(node.exportKind === 'type' ? 'type' : 'import', node, node.source),
    ImportExpression: (node) => add('import()', node, node.source),
    TSImportType: (node) => add('type', node, node.source ?? node.argument?.literal ?? node.argument),
    TSImportEqualsDeclaration: (node) => add('require', node, node.moduleReference.expression),
    CallExpression: (node) => {
      if (node.callee.type === 'Identifier' && node.callee.name === 'require') add('require', node, node.arguments[0]);
    },
  });
  visitor.visit(program);
  return found;
}
