// Finds functions in formatted source: a line that opens a function body, and the line that closes it at the same
// indentation.

import { codeOf } from "./files.ts";

export interface FunctionLines {
  line: number;
  lines: number;
  text: string;
}

const KEYWORDS = /^\s*(\} )?(if|for|while|switch|catch|else|do|try)\b/;
const OPENERS = [
  /\bfunction\b.*\{$/,
  /=>\s*\{$/,
  // A method: modifiers, name, parameters, perhaps a type.
  /^\s*(?:(?:async|static|private|public|override|get|set)\s+)*[#\w]+(?:<[^>]*>)?\([^;]*\)(?::[^;{]+)?\s*\{$/,
  // The last line of parameters that were broken over several lines.
  /^\s*\)(?::[^;{]+)?(?:\s*=>)?\s*\{$/,
];

export function functionsOf(source: string): FunctionLines[] {
  const code = codeOf(source).split("\n");
  const found: FunctionLines[] = [];
  code.forEach((text, index) => {
    if (KEYWORDS.test(text) || !OPENERS.some((opener) => opener.test(text.trimEnd()))) return;
    const indentation = /^\s*/.exec(text)![0];
    const closing = code.findIndex((line, at) => at > index && line.startsWith(`${indentation}}`));
    if (closing > index) found.push({ line: index + 1, lines: closing - index + 1, text: text.trim() });
  });
  return found;
}
