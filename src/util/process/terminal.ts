/** Text for a terminal: what data, servers and records hold must not steer it. */

/**
 * Control characters except tab and newline (C0, DEL, C1: escape sequences, window titles, clipboard), marks that change
 * the direction of text (CVE-2021-42574), line and paragraph separators, and invisible tags.
 */
const UNSAFE_CHARACTERS =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u206F\uFEFF\u{E0000}-\u{E007F}]/gu;

/**
 * `text` with every character that could steer a terminal written as `\uXXXX`. In JSON this stands for the same text, so
 * that printed JSON stays what it was.
 */
export function printable(text: string): string {
  return text.replace(UNSAFE_CHARACTERS, (character) => {
    let escaped = '';
    for (let n = 0; n < character.length; n++) {
      escaped += `\\u${character.charCodeAt(n).toString(16).padStart(4, '0')}`;
    }
    return escaped;
  });
}

/**
 * Writes a command's result to standard output, made harmless by `printable`. On a terminal, the best values of a table, which
 * have a star, are bold, unless NO_COLOR is set (no-color.org).
 */
export function print(text: string): void {
  const safe = printable(text);
  process.stdout.write(process.stdout.isTTY && !process.env['NO_COLOR'] ? emphasiseStars(safe) : safe);
}

/** The starred numbers of a table in bold. */
export function emphasiseStars(text: string): string {
  return text.replace(/(?<![^ \n])[*]\d[\d.]*(?![^ \n])/g, (value) => `\u001B[1m${value}\u001B[0m`);
}

/**
 * A cell of a CSV file that a spreadsheet shows as text and never runs: one that begins with = + - @, tab or carriage
 * return gets an apostrophe before it (OWASP, "CSV Injection"), and what needs quotes gets them.
 */
export function csvCell(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const isNumber = value.trim() !== '' && Number.isFinite(Number(value));
  const inert = !isNumber && /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

/** What `csvCell` was given: the text without the apostrophe that it puts before what a spreadsheet would run. */
export function textOfCell(cell: string): string {
  return /^'[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell;
}
