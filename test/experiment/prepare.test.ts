import { expect, test } from 'vitest';
import type { Dataset } from '../../src/data/dataset.ts';
import { rowsAt } from '../../src/data/ratings/rows.ts';
import { prepareSplit } from '../../src/experiment/prepare.ts';
import { protocolSchema } from '../../src/experiment/protocol.ts';
import { datasetOf } from '../support/datasets.ts';

test('models of a temporal split do not know its later tags; of two files it is not known how they were divided', () => {
  // Ratings are a second apart from 1,000,000,000 on; the later half is test.
  const untagged = datasetOf(
    [
      [0, 0, 5],
      [0, 1, 4],
      [1, 0, 4],
      [1, 2, 5],
    ],
    2,
    4,
  );
  const dataset: Dataset = {
    ...untagged,
    tags: {
      users: Int32Array.of(0, 0),
      items: Int32Array.of(3, 3),
      texts: ['before', 'after'],
      timestamps: Int32Array.of(1_000_000_001, 1_000_000_002),
    },
  };
  const protocol = protocolSchema.parse({ split: 'global-temporal', testShare: 0.5 });
  expect(prepareSplit(dataset, protocol, {}).train.tags!.texts).toEqual(['before']);
  const part = (...rows: number[]) => rowsAt(dataset.ratings, Int32Array.from(rows));
  const files = { train: part(0, 1), test: part(2, 3) };
  expect(prepareSplit(dataset, protocol, {}, files).train.tags!.texts).toEqual(['before', 'after']);
});
