// Generates src/engines/xla/pjrt-api.generated.ts from pjrt_c_api.h: where every function stands in the API table and
// where every field stands in its structure, for the LP64 and LLP64 systems the plugins exist for.
//
//   pip download --no-deps xla-cpu-pjrt==0.0.1 && unzip -j xla_cpu_pjrt-*.whl '*/pjrt_c_api.h'
//   node scripts/pjrt-offsets.mjs pjrt_c_api.h src/engines/xla/pjrt-api.generated.ts
//
// The header is not kept in the repository. The table and the structures only grow at their ends within a major
// version, so what an old header says stays true of newer plugins; a plugin older than the header is recognised by
// the size it reports.
import { readFileSync, writeFileSync } from "node:fs";

/** Size, alignment and the name under which the client reads and writes them. No C type here differs between systems. */
const scalars = {
  size_t: { size: 8, kind: "uint64" },
  int64_t: { size: 8, kind: "int64" },
  uint64_t: { size: 8, kind: "uint64" },
  intptr_t: { size: 8, kind: "int64" },
  uintptr_t: { size: 8, kind: "uint64" },
  uint32_t: { size: 4, kind: "uint32" },
  int32_t: { size: 4, kind: "int32" },
  int: { size: 4, kind: "int32" },
  float: { size: 4, kind: "float" },
  bool: { size: 1, kind: "bool" },
  char: { size: 1, kind: "uint8" },
};
const pointer = { size: 8, kind: "pointer" };

/** The header without comments, macros' bodies and preprocessor lines. */
function strip(text) {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, " ")
    .replace(/\/\/.*$/gm, " ")
    .replace(/^[ \t]*#.*(?:\\\n.*)*$/gm, " ");
}

function parseEnums(text) {
  const enums = {};
  for (const [, body, name] of text.matchAll(/typedef enum \{([^}]*)\}\s*(\w+);/g)) {
    const values = {};
    let next = 0;
    for (const entry of body.split(",")) {
      const match = /^\s*(\w+)(?:\s*=\s*(\d+))?\s*$/.exec(entry);
      if (!match) continue;
      if (match[2] !== undefined) next = Number(match[2]);
      values[match[1].replace(new RegExp(`^${name.replace(/_Type$|_Code$/, "")}_(?:Type_|Code_)?k?`), "")] = next++;
    }
    enums[name] = values;
  }
  return enums;
}

/** Bodies of all structures by name, braces of unions inside included. */
function structBodies(text) {
  const bodies = new Map();
  for (const match of text.matchAll(/struct (\w+) \{/g)) {
    let depth = 1;
    let end = match.index + match[0].length;
    const start = end;
    while (depth > 0) {
      if (text[end] === "{") depth++;
      if (text[end] === "}") depth--;
      end++;
    }
    bodies.set(match[1], text.slice(start, end - 1));
  }
  return bodies;
}

function typeOf(declared, context) {
  const type = declared.replace(/\bconst\b|\bstruct\b/g, "").trim();
  if (type.endsWith("*") || context.functionPointers.has(type)) return pointer;
  if (scalars[type]) return scalars[type];
  if (context.enums[type]) return scalars.int;
  const nested = context.layout(type);
  return { size: nested.padded, align: nested.align, kind: "struct" };
}

const roundUp = (n, to) => Math.ceil(n / to) * to;

/** Offsets by the rules of C: each member at a multiple of its alignment. */
function layOut(name, body, context) {
  const fields = [];
  let at = 0;
  let align = 1;
  const place = (members) => {
    const size = Math.max(...members.map((m) => m.type.size));
    const alignment = Math.max(...members.map((m) => m.type.align ?? m.type.size));
    at = roundUp(at, alignment);
    align = Math.max(align, alignment);
    for (const m of members) fields.push({ name: m.name, offset: at, kind: m.type.kind, size: m.type.size });
    at += size;
  };
  const api = body.replace(/_PJRT_API_STRUCT_FIELD\((\w+)\)/g, "void* $1");
  for (const [, union, declaration] of api.matchAll(/\s*(?:union\s*\{([^}]*)\}\s*;|([^;]+);)/g)) {
    const members = (union ?? `${declaration};`)
      .split(";")
      .map((line) => line.replace(/\s+/g, " ").trim())
      .filter(Boolean)
      .map((line) => {
        const callback = /\(\*(\w+)\)\(.*\)$/.exec(line);
        if (callback) return { name: callback[1], type: pointer };
        const [, type, member] = /^(.*?)(\w+)$/.exec(line);
        return { name: member, type: typeOf(type.trim(), context) };
      });
    place(members);
  }
  if (fields.length === 0) throw new Error(`${name} has no fields; the header has a form this script does not know`);
  return { fields, align, padded: roundUp(at, align), size: at };
}

function parse(source) {
  const text = strip(source);
  const bodies = structBodies(text);
  const functionPointers = new Set([...text.matchAll(/typedef [^;]*?\(\*(\w+)\)\(/g)].map((m) => m[1]));
  const layouts = new Map();
  const context = {
    enums: parseEnums(text),
    functionPointers,
    layout: (name) => {
      if (!layouts.has(name)) {
        if (!bodies.has(name)) throw new Error(`unknown type "${name}" in the header`);
        layouts.set(name, layOut(name, bodies.get(name), context));
      }
      return layouts.get(name);
    },
  };
  for (const name of bodies.keys()) context.layout(name);
  checkLastFields(text, layouts);
  const version = (what) => Number(new RegExp(`#define PJRT_API_${what} (\\d+)`).exec(source)[1]);
  return { major: version("MAJOR"), minor: version("MINOR"), enums: context.enums, layouts };
}

/** The header names each structure's last field for its own size check; it must be the last one found here. */
function checkLastFields(text, layouts) {
  for (const [, name, last] of text.matchAll(/PJRT_DEFINE_STRUCT_TRAITS\(\s*(\w+),\s*(\w+)\s*\)/g)) {
    const found = layouts.get(name)?.fields.at(-1).name;
    if (found !== last) throw new Error(`${name} ends with "${last}" in the header, but "${found}" was found`);
  }
}

/** `key: value` items in lines of at most 120 columns. */
function wrap(items, indent) {
  const lines = [];
  let line = "";
  for (const item of items) {
    if (line && indent.length + line.length + item.length + 2 > 120) {
      lines.push(line);
      line = "";
    }
    line += `${line ? " " : ""}${item},`;
  }
  return [...lines, line].map((l) => `${indent}${l}`).join("\n");
}

function generate({ major, minor, enums, layouts }) {
  const api = layouts.get("PJRT_Api");
  const slots = api.fields.filter((f) => f.name.startsWith("PJRT_"));
  const block = (name, inner) => `  ${name}: {\n${inner}\n  },`;
  const structs = [...layouts].filter(([name]) => name !== "PJRT_Api");
  return `/**
 * The PJRT C API as bytes. Generated by scripts/pjrt-offsets.mjs from pjrt_c_api.h; do not edit.
 * Sizes are those a caller puts into \`struct_size\`: the offset of the last field plus its size.
 */
// biome-ignore-all format: generated, one table row per line

export const pjrtApiVersion = { major: ${major}, minor: ${minor} } as const;

/** Where \`PJRT_Api\` keeps its version, and its size in this version. */
export const pjrtApi = { size: ${api.size}, version: ${api.fields.find((f) => f.name === "pjrt_api_version").offset} } as const;

/** Byte offset of each function in \`PJRT_Api\`. */
export const pjrtFunctions = {
${wrap(
  slots.map((f) => `${f.name.replace(/^PJRT_/, "")}: ${f.offset}`),
  "  ",
)}
} as const;

export type FieldKind = "pointer" | "uint64" | "int64" | "uint32" | "int32" | "float" | "bool" | "uint8" | "struct";

/** Fields as [byte offset, kind]; members of a union share their offset. */
export const pjrtStructs = {
${structs
  .map(([name, { size, fields }]) =>
    block(
      name.replace(/^PJRT_/, ""),
      `    size: ${size},\n    fields: {\n${wrap(
        fields.map((f) => `${f.name}: [${f.offset}, "${f.kind}"]`),
        "      ",
      )}\n    },`,
    ),
  )
  .join("\n")}
} as const;

export const pjrtEnums = {
${Object.entries(enums)
  .map(([name, values]) =>
    block(
      name.replace(/^PJRT_/, ""),
      wrap(
        Object.entries(values).map(([k, v]) => `${k}: ${v}`),
        "    ",
      ),
    ),
  )
  .join("\n")}
} as const;
`;
}

const [header, target] = process.argv.slice(2);
if (!header || !target) {
  console.error("usage: node scripts/pjrt-offsets.mjs <pjrt_c_api.h> <output.ts>");
  process.exit(2);
}
writeFileSync(target, generate(parse(readFileSync(header, "utf8"))));
