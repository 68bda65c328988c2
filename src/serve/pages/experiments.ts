/** The page of runs: every model of every record, sorted and filtered, and what differs between two. */
import { metricKeys, metricOf } from '../../evaluation/metric-keys.ts';
import { runsOf, type Run } from '../../experiment/runs/list.ts';
import { renderTable } from '../../report/page/data-table.ts';
import { html, type Html } from '../../report/html.ts';
import { formatValue, titleOf } from '../../report/runs/table.ts';
import { countNoun } from '../../report/table.ts';
import { twoRuns } from '../api.ts';
import type { StoredRecord, Unreadable } from '../records.ts';
import { differencesOf, idOf, selectRuns, type RunQuery } from '../runs.ts';

const columns = [
  { key: 'name', isNumber: false },
  ...metricKeys.filter((key) => metricOf(key).column === 'main').map((key) => ({ key, isNumber: true })),
  { key: 'k', isNumber: true },
  { key: 'users', isNumber: true },
  { key: 'split', isNumber: false },
  { key: 'seed', isNumber: true },
  { key: 'fitSeconds', isNumber: true },
  { key: 'date', isNumber: false },
  { key: 'dataset', isNumber: false },
  { key: 'file', isNumber: false },
];

/** Throws UsageError where other than two runs are to be compared. */
export function experimentsPage(
  records: readonly StoredRecord[],
  unreadable: readonly Unreadable[],
  query: RunQuery,
): Html {
  const runs = runsOf(records);
  const { sort, filter = '', reverse } = query;
  const shown = selectRuns(runs, query);
  return html`<h1>Runs</h1>
    <p class="lead">
      ${countNoun(runs.length, 'model')} in ${countNoun(records.length, 'record')}. Choose two to see what
      differs between them.
    </p>
    <form action="/experiments" data-live>
      <p class="bar">
        <label
          >Filter
          <input
            id="filter"
            name="filter"
            type="search"
            value="${filter}"
            placeholder="mf seed=42"
            data-typed
        /></label>
        <button>Show</button>
        ${sort === undefined ? '' : html`<input type="hidden" name="sort" value="${sort}" />`}
        ${reverse === undefined ? '' : html`<input type="hidden" name="reverse" value="${reverse}" />`}
      </p>
      ${shown.length === 0 ? html`<p>No run matches.</p>` : renderRuns(shown, query)}
      <p class="bar"><button>What differs?</button></p>
    </form>
    ${renderDifferences(runs, query.differ)}
    ${
      unreadable.length === 0
        ? ''
        : html`<h2>Not read</h2>
            <ul>
              ${unreadable.map(({ file, reason }) => html`<li>${file}: ${reason}</li>`)}
            </ul>`
    }`;
}

function renderRuns(runs: readonly Run[], query: RunQuery): Html {
  return html`<div class="scroll" role="region" tabindex="0" aria-label="Runs">
    <table>
      <thead>
        <tr>
          <th scope="col"><span class="hidden">Choose</span></th>
          ${columns.map((column) => renderHead(column, query))}
        </tr>
      </thead>
      <tbody>
        ${runs.map((run) => renderRun(run, query.differ))}
      </tbody>
    </table>
  </div>`;
}

function renderHead({ key, isNumber }: (typeof columns)[number], query: RunQuery): Html {
  const { sort, reverse, filter, differ } = query;
  const isSorted = sort === key;
  const isReversed = reverse === 'true';
  const descends = isNumber || key === 'date';
  const next = new URLSearchParams({ sort: key, reverse: String(isSorted && !isReversed) });
  if (filter) next.set('filter', filter);
  for (const id of differ) next.append('differ', id);
  const direction = descends === isReversed ? 'ascending' : 'descending';
  const link = html`<a href="/experiments?${next.toString()}">${titleOf(key)}</a>`;
  const order = isSorted ? html`aria-sort="${direction}"` : '';
  return isNumber
    ? html`<th scope="col" class="n" ${order}>${link}</th>`
    : html`<th scope="col" ${order}>${link}</th>`;
}

function renderRun(run: Run, chosen: readonly string[]): Html {
  const id = idOf(run);
  const check = chosen.includes(id) ? html`checked` : '';
  const name = `${run.result.name} of ${run.file}`;
  return html`<tr>
    <td><input type="checkbox" name="differ" value="${id}" aria-label="${name}" ${check} /></td>
    ${columns.map(({ key, isNumber }) => {
      const text = formatValue(key, run.values[key]);
      return isNumber ? html`<td class="n">${text}</td>` : html`<td>${text}</td>`;
    })}
  </tr> `;
}

function renderDifferences(runs: readonly Run[], chosen: readonly string[]): Html {
  if (chosen.length === 0) return html``;
  if (chosen.length !== 2) return html`<p class="note">${chosen.length} runs are chosen; choose two.</p>`;
  const [a, b] = twoRuns(runs, chosen);
  const rows = differencesOf(a, b).map(({ setting }) => [
    titleOf(setting),
    formatValue(setting, a.values[setting]),
    formatValue(setting, b.values[setting]),
  ]);
  const table = { head: ['', a.name, b.name].map((name, n) => (n === 0 ? 'Setting or metric' : name)), rows };
  return html`<h2>What differs</h2>
    ${rows.length === 0 ? html`<p>Nothing.</p>` : renderTable(table, 'What differs')}`;
}
