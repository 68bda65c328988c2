/** HTML from templates in which everything is escaped unless it is HTML already. */

/** A piece of HTML that is safe to insert as it is. Only `html` and `trusted` make one. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | number | Html | readonly Html[];

/** `` html`<td>${title}</td>` ``: the title is text, whatever it contains. Lists of HTML are joined. */
export function html(parts: TemplateStringsArray, ...values: Value[]): Html {
  return new Html(parts.reduce((text, part, n) => text + render(values[n - 1]!) + part));
}

/** Declares a string of our own making, such as a drawing that Vega has escaped, to be HTML. */
export function trusted(text: string): Html {
  return new Html(text);
}

/** `& < > " '` as entities: fit for text and for quoted attributes. */
export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A whole document. `head` comes before the title: policy, styles and scripts. */
export function renderDocument(title: string, head: Html, body: Html): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        ${head}
        <link rel="icon" href="data:," />
        <title>${title}</title>
      </head>
      <body>
        ${body}
      </body>
    </html> `.text;
}

function render(value: Value): string {
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(({ text }) => text).join('');
  return escape(String(value));
}
