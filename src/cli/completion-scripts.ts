/**
 * Scripts that complete the words of `deit` in a shell. They contain all names, so that no program runs when Tab is
 * pressed.
 */
import type { TableRow } from "./command-table.js";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** The script for a shell to read. */
export function completionScript(shell: Shell, table: readonly TableRow[]): string {
  switch (shell) {
    case "bash":
      return bash(table);
    case "zsh":
      // zsh reads completions written for bash; it has no `compopt`, so all words are treated as files, which end with
      // a slash or a space.
      return `autoload -Uz compinit bashcompinit\n(( $+functions[compdef] )) || compinit\nbashcompinit\n${bash(table)}`.replace(
        "complete -F",
        "complete -o filenames -F",
      );
    case "fish":
      return fish(table);
  }
}

const joined = (path: readonly string[]) => path.map((word) => ` ${word}`).join("");

function bash(table: readonly TableRow[]): string {
  const paths = table.filter(({ path }) => path.length > 0).map(({ path }) => `'${joined(path)}'`);
  const rows = table.map((row) => {
    const free = row.options.filter(({ follows }) => follows === "anything").map(({ long }) => long);
    const listed = row.options.filter(({ follows }) => Array.isArray(follows));
    const arms = [
      ...listed.map(({ long, follows }) => `${long}) after=1 values='${[...follows].join(" ")}' ;;`),
      ...(free.length > 0 ? [`${free.join("|")}) after=1 ;;`] : []),
    ];
    const words = [...row.subcommands.map(({ name }) => name), ...row.values].join(" ");
    const options = row.options.map(({ long }) => long).join(" ");
    return [
      `    '${joined(row.path)}')`,
      `      options='${options}' words='${words}' files=${row.takesArguments ? 1 : ""}`,
      ...(arms.length > 0 ? ['      case "$before" in', ...arms.map((arm) => `        ${arm}`), "      esac"] : []),
      "      ;;",
    ].join("\n");
  });
  return `# Completion of deit, made by: deit completion
_deit() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" at='' i=1
  local options='' words='' values='' files='' after='' IFS=$' \\t\\n'
  while [ $i -lt $COMP_CWORD ]; do
    case "$at \${COMP_WORDS[i]}" in
      ${paths.join("|")}) at="$at \${COMP_WORDS[i]}" ;;
    esac
    i=$((i + 1))
  done
  case "$at" in
${rows.join("\n")}
  esac
  COMPREPLY=()
  if [ -n "$after" ]; then
    words="$values" files=1
    if [ -n "$values" ]; then files=''; fi
    case "$before" in ${mixed.join("|")}) files=1 ;; esac
  elif [ "\${word#-}" != "$word" ]; then
    words="$options" files=''
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  case "\${COMPREPLY[*]}" in
    *=) type compopt >/dev/null 2>&1 && compopt -o nospace ;;
  esac
  if [ -n "$files" ]; then
    IFS=$'\\n'
    COMPREPLY+=($(compgen -f -- "$word"))
    type compopt >/dev/null 2>&1 && compopt -o filenames
  fi
}
complete -F _deit deit
`;
}

/** Options that take a file as well as one of their values. */
const mixed = ["--recipe", "--grid", "--plugin", "--weights", "--finetune"];

function fish(table: readonly TableRow[]): string {
  const lines = table.flatMap(({ path, options, values, takesArguments, subcommands }) => {
    const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`);
    const names = subcommands.map(({ name }) => name).join(" ");
    const open = names === "" ? seen : [...seen, `not __fish_seen_subcommand_from ${names}`];
    const here = `complete -c deit -n ${fishQuoted(open.join("; and "))}`;
    return [
      ...(takesArguments ? [] : [`${here} -f`]),
      ...subcommands.map(({ name, about }) => `${here} -f -a ${name} -d ${fishQuoted(about)}`),
      ...(values.length > 0 ? [`${here} -a ${fishQuoted(values.join(" "))}`] : []),
      ...options.map(({ long, about, follows }) => {
        const value =
          follows === "nothing"
            ? ""
            : follows === "anything"
              ? " -r -F"
              : ` ${mixed.includes(long) ? "-r -F" : "-x"} -a ${fishQuoted(follows.join(" "))}`;
        return `${here} -l ${long.slice(2)}${value} -d ${fishQuoted(brief(about))}`;
      }),
    ];
  });
  return `# Completion of deit, made by: deit completion fish\n${lines.join("\n")}\n`;
}

const fishQuoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
/** A short description of an option: up to its first semicolon or full stop. */
const brief = (about: string) => about.split(/[;.] /)[0];
