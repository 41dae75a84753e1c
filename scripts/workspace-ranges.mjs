const FIELDS = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'];

/**
 * The ranges a package gives to packages of this repository, each with the range it should have: a caret on the
 * current version where it is published, '*' in private packages, which only ever see their neighbours.
 */
export function workspaceRanges(manifest, packages) {
  const versions = new Map(packages.map((each) => [each.manifest.name, each.manifest.version]));
  return FIELDS.flatMap((field) =>
    Object.entries(manifest[field] ?? {})
      .filter(([name]) => versions.has(name))
      .map(([name, range]) => ({ field, name, range, expected: manifest.private ? '*' : `^${versions.get(name)}` })),
  );
}
