/** Tables as HTML. */
import type { DataTable } from '../charts/chart.ts';
import { html, type Html } from '../html.ts';

/** A table that scrolls within itself where it is too wide or too long, by keyboard too. Columns of numbers align right. */
export function renderTable({ head, rows }: DataTable, label: string): Html {
  const isNumber = head.map((_, column) => column > 0 && rows.every((row) => looksNumeric(row[column])));
  const cell = (value: string | number, column: number) => {
    const text = typeof value === 'number' ? formatNumber(value) : value;
    return isNumber[column] ? html`<td class="n">${text}</td>` : html`<td>${text}</td>`;
  };
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${label}">
    <table>
      <thead>
        <tr>
          ${head.map((name, column) =>
            isNumber[column]
              ? html`<th scope="col" class="n">${name}</th>`
              : html`<th scope="col">${name}</th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map(cell)}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;
}

/** A number, an interval, a percentage, a dash or nothing. */
function looksNumeric(value: string | number | undefined): boolean {
  return typeof value !== 'string' || /^$|^[–[<]|^[-−+]?[\d.]/.test(value);
}

/** Whole numbers with separators, others with four significant digits or four decimals. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value))
    return Math.abs(value) < 10_000 ? String(value) : value.toLocaleString('en-US');
  return Math.abs(value) >= 100 ? value.toFixed(1) : value.toFixed(4);
}
