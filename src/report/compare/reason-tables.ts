/** What reasons say of their readers, checked against the histories: for the terminal and for the page. */
import { claimKinds, verdicts } from '../../language/reasons.ts';
import type { Comparison } from '../../experiment/compare/record.ts';
import type { ReasonCheck } from '../../experiment/record.ts';
import type { DataTable } from '../charts/chart.ts';
import type { TableBlock } from '../page/page.ts';
import { formatCount, shareCell, textTable } from '../table.ts';

const head = ['reasons of', 'checked', ...verdicts, 'other’s history', 'difference'];

const meaning =
  'Movies, genres and ratings that reasons name, looked up in the history of the prompt: means over users of their shares of claims, in ' +
  'brackets the 95% interval. “Other’s history”: what the history of another user supports of the same reasons. A difference near 0 means ' +
  'reasons that would fit anybody.';

/** The terminal's table; empty without reasons. */
export function reasonsTable(checks: readonly ReasonCheck[]): string {
  return checks.length === 0 ? '' : textTable(head, checks.map(rowOf));
}

/** The page's table, with the claims by kind behind it; none without reasons. */
export function reasonTables({ language }: Pick<Comparison, 'language'>): TableBlock[] {
  const checks = language.flatMap(({ reasons }) => reasons);
  if (checks.length === 0) return [];
  return [
    {
      id: 'reasons',
      title: 'Are the reasons true of the user?',
      note: meaning,
      table: { head, rows: checks.map(rowOf) },
      more: { summary: 'Claims by kind', tables: checks.map(claimsTable) },
    },
  ];
}

function rowOf({ model, reasons, withClaims, shares, swapped }: ReasonCheck): string[] {
  return [
    model,
    `${formatCount(withClaims)} of ${formatCount(reasons)}`,
    ...verdicts.map((verdict) => shareCell(shares?.[verdict])),
    shareCell(swapped?.supported),
    shareCell(swapped?.difference),
  ];
}

function claimsTable({ model, claims }: ReasonCheck): { title: string; table: DataTable } {
  return {
    title: `Claims of ${model}`,
    table: {
      head: ['about', ...verdicts],
      rows: claimKinds.map((kind) => [
        kind,
        ...verdicts.map((verdict) => formatCount(claims[kind][verdict])),
      ]),
    },
  };
}
