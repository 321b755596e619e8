/** The version of this package, for files that say what wrote them; that of package.json, which pages cannot read. */
export const version = "0.1.0";
