import { expect, test } from 'vitest';
import { estimateChat } from '../../../src/experiment/language/estimate.ts';
import { protocolSchema } from '../../../src/experiment/protocol.ts';
import { chatOptions, resolveModel } from '../../../src/models/chat/options.ts';
import { silentProgress } from '../../../src/util/progress.ts';
import { smallFolder } from '../../support/cli.ts';

test('a dry run fits the model of its candidates once for all prompts', async () => {
  const started: string[] = [];
  const start: typeof silentProgress.start = (label, ...more) => {
    started.push(label);
    return silentProgress.start(label, ...more);
  };
  const { prompts } = await estimateChat(
    {
      options: resolveModel(chatOptions.parse({ baseUrl: 'http://localhost:1/v1', model: 'm' }), new Date()),
      data: { dataset: await smallFolder() },
      protocol: protocolSchema.parse({}),
      numUsers: 2,
      candidates: 'mf:5',
      comparisonModels: [],
      resultsDir: 'unused',
    },
    { progress: { ...silentProgress, start }, signal: new AbortController().signal, threads: 1 },
  );
  expect(prompts).toHaveLength(5);
  expect(started.filter((label) => /mf/.test(label))).toHaveLength(1);
});
