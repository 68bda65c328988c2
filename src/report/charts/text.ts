/** Texts in drawings, where nothing breaks lines by itself. */

/**
 * Lines of at most `letters` letters, broken between words, and within a word that is longer than a line. No more than
 * `maxLines` lines: what does not fit ends in an ellipsis.
 */
export function wrapWords(text: string, letters: number, maxLines = Infinity): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= letters) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      for (let start = 0; start < Math.max(1, word.length); start += letters)
        lines.push(word.slice(start, start + letters));
    }
  }
  if (lines.length <= maxLines) return lines;
  const kept = lines.slice(0, maxLines);
  kept[maxLines - 1] = `${kept[maxLines - 1]!.slice(0, letters - 1)}…`;
  return kept;
}
