import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { drawCharts, type Chart } from '../../../src/report/charts/chart.ts';
import {
  bandName,
  intervalBars,
  labelledBars,
  namesPitch,
  rowsHeight,
  spreadLabels,
  wrapName,
} from '../../../src/report/charts/parts.ts';
import { wrapWords } from '../../../src/report/charts/text.ts';
import { drawPicture } from '../../../scripts/picture.ts';
import { colour } from '../../../src/report/theme.ts';

const hostile = '<script>alert(1)</script> & "quotes"';

function chartOf(spec: Chart['spec']): Chart {
  return {
    id: 'a',
    title: `About ${hostile}`,
    note: '',
    description: `Describes ${hostile}`,
    spec,
    table: { head: [], rows: [] },
  };
}

const bars = labelledBars(
  [
    { name: hostile, value: 3 },
    { name: 'other', value: 1 },
  ],
  'name',
  'value',
);

describe('a drawn chart', () => {
  it('has a role, a name and a description, all escaped', async () => {
    const [svg] = await drawCharts([chartOf(bars)]);
    expect(svg).toMatch(
      /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" role="img" aria-labelledby="a-title a-d/,
    );
    expect(svg).toContain('<title id="a-title">About &#60;script&#62;');
    expect(svg).toContain('<desc id="a-description">');
    expect(svg).not.toContain('<script');
  });

  it('shows a row of any name, those of every object included', async () => {
    const errors = vi.spyOn(console, 'error').mockImplementation(() => {});
    onTestFinished(() => errors.mockRestore());
    const rows = ['__proto__', 'constructor'].map((name, n) => ({ name, value: n + 1 }));
    const [svg] = await drawCharts([chartOf(labelledBars(rows, 'name', 'value'))]);
    expect(svg).toMatch(/>__proto__\u2060?</);
    expect(svg).toMatch(/>constructor</);
    expect(errors).not.toHaveBeenCalled();
  });

  it('is the same each time it is drawn', async () => {
    const chart = chartOf(bars);
    expect(await drawCharts([chart, chart])).toEqual(await drawCharts([chart, chart]));
  });

  it('uses colours of the theme only, so that each has a dark counterpart', async () => {
    const rows = [{ name: 'a', mean: 2, low: 1, high: 3 }];
    const drawn = await drawCharts([chartOf(bars), chartOf(intervalBars(rows, 2))]);
    const known = new Set([...Object.values(colour), 'none', 'transparent']);
    for (const svg of drawn) {
      const used = [...svg.matchAll(/(?:fill|stroke)="([^"]+)"/g)].map(([, value]) => value!);
      expect(used.length).toBeGreaterThan(3);
      expect(used.filter((value) => !known.has(value))).toEqual([]);
    }
  });

  it('keeps a long name within its limit, so that room is left for the marks', async () => {
    const long = 'w'.repeat(300);
    const [svg] = await drawCharts([chartOf(labelledBars([{ name: long, value: 1 }], 'name', 'value'))]);
    expect(svg).toContain('…');
    expect(svg).not.toContain('w'.repeat(60));
  });
});

describe('a picture of several charts', () => {
  it('is one file with its own dark colours, the title of each chart and no script', async () => {
    const chart = chartOf(bars);
    const svg = await drawPicture({
      title: 'Two charts',
      charts: [chart, { ...chart, id: 'b' }],
      columns: 2,
    });
    expect(svg).toMatch(/^<svg [^>]*role="img"/);
    expect(svg).toContain('@media screen and (prefers-color-scheme:dark)');
    expect(svg.match(/About &#60;script/g)!.length).toBeGreaterThanOrEqual(2);
    expect(svg).not.toMatch(/<script|<foreignObject|href=/);
  });

  it('breaks a long title into lines between words', () => {
    expect(wrapWords('Older movies are rated higher: the good ones survive', 30)).toEqual([
      'Older movies are rated higher:',
      'the good ones survive',
    ]);
  });
});

describe('parts of charts', () => {
  it('name the band that a value falls into, its lower end included', () => {
    const steps = [2, 5, 10];
    expect([0, 1.99, 2, 5, 9.9, 10, 99].map((value) => bandName(value, steps))).toEqual([
      '< 2',
      '< 2',
      '2–5',
      '5–10',
      '5–10',
      '≥ 10',
      '≥ 10',
    ]);
  });

  it('move labels apart by at least the gap and leave those alone that have room', () => {
    expect(spreadLabels([0, 10, 1, 11.5], 3)).toEqual([0, 10, 3, 13]);
  });
});

describe('rows with long names', () => {
  const long = 'a model with a name that takes far more than three lines beside a chart of';
  const names = [1, 2].map((n) => wrapName(`${long} pairs ${n}`));

  it('keep names apart that differ at their end', () => {
    expect(names[0]).not.toBe(names[1]);
    expect(names[0]!.replaceAll('\n', ' ')).toBe(`${long} pairs 1`);
  });

  it('stand around the middle of their row, however many lines they have', async () => {
    const three = names[0]!.split('\n').slice(0, 3);
    const rows = [
      { name: 'short', value: 5 },
      { name: three.join(' '), value: 7 },
    ];
    const [svg] = await drawCharts([chartOf(labelledBars(rows, 'name', 'value'))]);
    const [short, first, five, seven] = ['short', three[0]!, '5', '7'].map((text) => {
      const label = new RegExp(`translate\\([^,]+,([\\d.]+)\\)[^>]*>(?:<tspan>)?${text}<`);
      return Number(label.exec(svg!)![1]);
    });
    expect(Math.abs(short! - five!)).toBeLessThan(1);
    expect(Math.abs(first! + 12 - seven!)).toBeLessThan(1); // the second of three lines, 12 pixels below the first
  });

  it('are as high as the lines of the longest name', () => {
    const lines = names[0]!.split('\n').length;
    expect(lines).toBeGreaterThan(3);
    expect(namesPitch(['short', ...names])).toBeGreaterThanOrEqual(12 * lines);
    expect(rowsHeight(names) - rowsHeight(names.slice(1))).toBe(namesPitch(names));
    expect(rowsHeight(['a', 'b']) - rowsHeight(['a'])).toBe(21);
  });
});
