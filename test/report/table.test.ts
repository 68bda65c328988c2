import { describe, expect, it } from 'vitest';
import { recordTable } from '../../src/report/record-table.ts';
import { interval, metricCell, metricsTable, textTable } from '../../src/report/table.ts';
import { recordOf } from '../support/records.ts';

describe('tables for the terminal', () => {
  it('align numbers right under their head and end no line in blanks', () => {
    expect(
      textTable(
        ['model', 'F1'],
        [
          ['mf', '0.2'],
          ['popularity', '12.5'],
        ],
      ),
    ).toBe(['model         F1', '────────────────', 'mf           0.2', 'popularity  12.5'].join('\n'));
  });

  it('print the mean with four digits and its interval below it', () => {
    const [mf] = recordOf({ mf: [[1], [], [1, 2]] }).models;
    const text = metricsTable([mf!], 10);
    expect(text).toContain(mf!.metrics['10']!.precision.mean.toFixed(4));
    expect(text).toContain(interval(mf!.metrics['10']!.precision));
  });

  it('shorten an interval to three decimals without the zero, keeping 1 and the sign', () => {
    expect(interval({ ci95: [0.0004, 1] })).toBe('[.000 1.000]');
    expect(interval({ ci95: [-0.25, 0.25] })).toBe('[-.250 .250]');
  });

  it('say what was evaluated and hold one table for each cut-off', () => {
    const text = recordTable(recordOf({ mf: [[1], [3]] }, { k: [5, 10] }));
    expect(text).toContain('made by a test');
    expect(text).toContain('k = 5');
    expect(text).toContain('k = 10');
    expect(text).toContain('2 users evaluated');
    expect(text).toMatch(
      /Also in the record: F1 of means, MAP, MRR, hit rate, coverage, novelty, Gini and\ndiversity[.]\n$/,
    );
  });

  it('write no control characters from a title into the terminal', () => {
    const text = textTable(['title'], [['\u001B[2J\u0007wiped\u009B']]);
    expect(text).toContain('wiped');
    expect(text).not.toMatch(/[^\P{Cc}\n]/u);
  });

  it('mark the highest value of each column with a star, and none where all are equal', () => {
    const { models } = recordOf({ mf: [[1], [1, 2]], popularity: [[], [3]] });
    expect(metricsTable(models, 10)).toMatch(/\nmf +[*]0[.]1500 +[*]0[.]3750 /);
    expect(metricsTable(models, 10).match(/[*]/g)).toHaveLength(4);
    expect(metricsTable([models[0]!, { ...models[0]!, name: 'twin' }], 10)).not.toContain('*');
  });

  it('fit 80 columns, whatever the names', () => {
    const text = recordTable(
      recordOf({ [`mf ${'with a long name '.repeat(4)}`]: [[1]], ['x'.repeat(90)]: [[2]] }),
    );
    const tooLong = text.split('\n').filter((line) => line.length > 80);
    expect(tooLong).toEqual([]);
  });

  it('show a dash for a value that is not defined, never 0', () => {
    expect(metricCell('diversity', null)).toBe('–');
    expect(metricCell('diversity', undefined)).toBe('–');
    expect(metricCell('diversity', 0)).toBe('0.0000');
  });

  it('say in one line whether the first two models differ', () => {
    const users = Array.from({ length: 40 }, (_, n) => n);
    const record = recordOf({ good: users.map(() => [1, 2]), bad: users.map(() => []) });
    const words = (text: string) => text.replace(/\s+/g, ' ');
    expect(words(recordTable(record))).toContain(
      'The first two by F1@10: good is better than bad (paired test, 40 users, p < 0.001).',
    );
    const twins = recordOf({ one: users.map(() => [1]), two: users.map(() => [2]) });
    expect(words(recordTable(twins))).toContain(
      'no difference shown between one and two (paired test, 40 users, p 1.000)',
    );
  });

  it('leave out a model that has no such cut-off', () => {
    const [mf] = recordOf({ mf: [[1]] }, { k: [5] }).models;
    expect(metricsTable([mf!], 10)).not.toContain('mf');
  });

  it('report RMSE where a model predicts stars and short lists where there are some', () => {
    const record = recordOf({ mf: [[1]] });
    record.models[0]!.ratingPrediction = { rmse: 0.9, mae: 0.7, ratings: 1000 };
    record.models[0]!.users.shortLists = 3;
    const text = recordTable(record);
    expect(text).toContain('RMSE 0.9000, MAE 0.7000 on 1,000 test ratings');
    expect(text).toContain('3 users got a short list');
  });
});
