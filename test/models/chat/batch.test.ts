import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ChatRequest } from '../../../src/models/chat/ask.ts';
import { diskCache, type AnswerCache } from '../../../src/models/chat/cache.ts';
import { Budget } from '../../../src/models/chat/cost.ts';
import { createChatClient } from '../../../src/models/chat/openai/client.ts';
import { chatOptions, resolveModel } from '../../../src/models/chat/options.ts';
import { silentProgress } from '../../../src/util/progress.ts';
import { chatServer, type ChatServer, type RawAnswer } from '../../support/chat-server.ts';

interface BatchLine {
  custom_id: string;
  body: Record<string, unknown>;
}

interface Batch {
  id: string;
  status: string;
  input_file_id: string;
  metadata: Record<string, string>;
  output_file_id?: string;
  error_file_id?: string;
  errors?: { data: { code: string; message: string }[] };
}

/** The files and batches of a server: a batch is done when it is looked at, by `answer`. */
let files: Map<string, string>;
let batches: Batch[];
/** A line of the output; undefined: expired. */
let answer: (line: BatchLine) => object | undefined;
let finalStatus: (lines: BatchLine[]) => Pick<Batch, 'status' | 'errors'>;
/** Called with each batch that is made, before the server answers: an answer in place of the batch. */
let onCreate: (batch: Batch) => RawAnswer | void;
/** Called with each batch that is looked at. */
let onLook: (batch: Batch) => void;
/** Input files that the program has deleted. */
let deleted: string[];
let notes: string[];
let server: ChatServer;
let cache: AnswerCache;

const never = new AbortController().signal;
const json = (value: unknown): RawAnswer => ({ raw: JSON.stringify(value) });
const unknown = { ...json({ error: { message: 'No such object' } }), status: 404 };
const completion = (content: string) => ({
  status_code: 200,
  body: {
    model: 'm',
    choices: [{ finish_reason: 'stop', message: { content } }],
    usage: { prompt_tokens: 10, completion_tokens: 5 },
  },
});
const linesOf = (file: string) =>
  file
    .split(/\r?\n/u)
    .filter((line) => line.startsWith('{"custom_id"'))
    .map((line) => JSON.parse(line) as BatchLine);

function finish(batch: Batch): void {
  if (batch.status !== 'in_progress') return;
  const lines = linesOf(files.get(batch.input_file_id)!);
  Object.assign(batch, finalStatus(lines));
  if (batch.errors) return;
  const output = lines.flatMap((line) => {
    const response = answer(line);
    return response === undefined
      ? []
      : [JSON.stringify({ custom_id: line.custom_id, response, error: null })];
  });
  batch.output_file_id = `out-${batch.id}`;
  files.set(batch.output_file_id, output.join('\n'));
}

beforeEach(async () => {
  vi.stubEnv('OPENAI_API_KEY', 'sk-test-0123456789abcdef');
  files = new Map();
  batches = [];
  answer = ({ body }) => completion(`batch ${String(body['seed'])}`);
  finalStatus = () => ({ status: 'completed' });
  onCreate = () => {};
  onLook = () => {};
  deleted = [];
  notes = [];
  cache = diskCache(await mkdtemp(join(tmpdir(), 'recsys-batch-')));
  server = await chatServer(({ seed }) => `direct ${String(seed)}`);
  server.serve('/v1/files', (body, method, url) => {
    const named = /files\/([^/]+)/u.exec(url)?.[1];
    if (method === 'DELETE') return json({ id: deleted[deleted.push(named!) - 1], deleted: true });
    if (method === 'GET') return files.has(named!) ? { raw: files.get(named!)! } : unknown;
    const id = `file-${files.size}`;
    files.set(id, body);
    return json({ id, object: 'file' });
  });
  server.serve('/v1/batches', (body, method, url) => {
    if (method === 'POST') {
      const request = JSON.parse(body) as Pick<Batch, 'input_file_id' | 'metadata'>;
      const batch: Batch = { id: `batch-${batches.length}`, status: 'in_progress', ...request };
      batches.push(batch);
      return onCreate(batch) ?? json(batch);
    }
    const id = /batches\/([^/?]+)/u.exec(url)?.[1];
    if (id === undefined) return json({ object: 'list', data: batches, has_more: false });
    const batch = batches.find((one) => one.id === id);
    if (batch === undefined) return unknown;
    onLook(batch);
    finish(batch);
    return json(batch);
  });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

const requests = (count: number): ChatRequest[] =>
  Array.from({ length: count }, (_, seed) => ({
    messages: [{ role: 'user', content: 'one two three four' }],
    maxOutputTokens: 100,
    seed,
    numbered: false,
  }));

function connect(options: Record<string, unknown> = {}, budget?: Budget) {
  return createChatClient({
    options: resolveModel(
      chatOptions.parse({ baseUrl: server.url, model: 'gpt-4o', retries: 0, batch: true, ...options }),
      new Date(),
    ),
    cache,
    countTokens: (text) => text.split(' ').length,
    progress: { ...silentProgress, note: (line) => void notes.push(line) },
    ...(budget && { budget }),
  });
}

async function textsOf(client: ReturnType<typeof connect>, asked: ChatRequest[]): Promise<string[]> {
  const outcomes = await Promise.all(asked.map((request) => client.ask(request, never)));
  return outcomes.map((outcome) => ('answer' in outcome ? outcome.answer.text : outcome.failure));
}

describe('a batch', () => {
  it('answers all requests in one slice; none is sent by itself', async () => {
    const client = connect();
    await client.askInBatch!(requests(5), never);
    expect(await textsOf(client, requests(5))).toEqual([0, 1, 2, 3, 4].map((seed) => `batch ${seed}`));
    expect([batches.length, server.requests.length]).toEqual([1, 0]);
    const [line] = linesOf(files.get('file-0')!);
    expect(line).toMatchObject({
      method: 'POST',
      url: '/v1/chat/completions',
      body: { model: 'gpt-4o', seed: 0 },
    });
  });

  it('goes out in slices below the queue limit', async () => {
    await connect({ batchTokens: 25 }).askInBatch!(requests(5), never); // 3 + 3 + 1 + 4 = 11 tokens each
    expect(batches.map(({ input_file_id: id }) => linesOf(files.get(id)!).length)).toEqual([2, 2, 1]);
  });

  it('halves its slices when the queue of the key is full', async () => {
    finalStatus = (lines) =>
      lines.length > 2
        ? { status: 'failed', errors: { data: [{ code: 'token_limit_exceeded', message: 'Enqueued' }] } }
        : { status: 'completed' };
    const client = connect({ batchTokens: 45 });
    await client.askInBatch!(requests(4), never);
    expect(batches.map(({ input_file_id: id }) => linesOf(files.get(id)!).length)).toEqual([4, 2, 2]);
    expect(await textsOf(client, requests(4))).toContain('batch 3');
  });

  it('ends with the answers kept when other batches fill the queue, and leaves no file behind', async () => {
    finalStatus = () =>
      batches.length === 1
        ? { status: 'completed' }
        : { status: 'failed', errors: { data: [{ code: 'token_limit_exceeded', message: 'Enqueued' }] } };
    const client = connect({ batchTokens: 180 });
    await expect(client.askInBatch!(requests(32), never)).rejects.toThrow(
      /batch: the queue of this key is full of other batches\. Run the same command again later/,
    );
    // after the first slice, each half as large as the one before: 16 requests of 11 tokens, then 8, 4 and 2
    expect(batches.map(({ input_file_id: id }) => linesOf(files.get(id)!).length)).toEqual([16, 16, 8, 4, 2]);
    expect(deleted).toEqual(batches.map(({ input_file_id: id }) => id));
    expect(server.requests).toHaveLength(0); // nothing at full price
    finalStatus = () => ({ status: 'completed' });
    await client.askInBatch!(requests(32), never);
    expect(batches.slice(5).map(({ input_file_id: id }) => linesOf(files.get(id)!).length)).toEqual([16]);
  });

  it.each([1, 0])(
    'is made once although the server fails after it was made, with %i retries',
    async (retries) => {
      onCreate = () =>
        batches.length === 1 ? { ...json({ error: { message: 'late' } }), status: 504 } : undefined;
      const client = connect({ retries });
      await client.askInBatch!(requests(3), never);
      expect(batches).toHaveLength(1);
      expect(await textsOf(client, requests(3))).toEqual(['batch 0', 'batch 1', 'batch 2']);
    },
  );

  it('is made by another try when the server fails before it was made', async () => {
    onCreate = () => {
      onCreate = () => {};
      batches.pop();
      return { ...json({ error: { message: 'busy' } }), status: 503 };
    };
    const client = connect({ retries: 1 });
    await client.askInBatch!(requests(1), never);
    expect(batches).toHaveLength(1);
    expect(await textsOf(client, requests(1))).toEqual(['batch 0']);
  });

  it.each(['the batch', 'its answers'])(
    'of an earlier run is forgotten when the server no longer knows %s',
    async (what) => {
      const killed = new AbortController();
      onLook = () => killed.abort();
      finalStatus = () => ({ status: 'in_progress' });
      await expect(connect().askInBatch!(requests(2), killed.signal)).rejects.toThrow();
      onLook = () => {};
      finalStatus = () => ({ status: 'completed' });
      if (what === 'the batch') batches = [];
      else {
        finish(batches[0]!);
        files.delete(batches[0]!.output_file_id!);
      }
      const client = connect();
      await client.askInBatch!(requests(2), never);
      expect(notes.join()).toMatch(/the server no longer (?:knows batch-0|has the file out-batch-0)/);
      expect(await textsOf(client, requests(2))).toEqual(['batch 0', 'batch 1']);
      expect(server.requests).toHaveLength(0);
    },
  );

  it('puts expired requests into the next slice; what has expired three times is not asked at full price', async () => {
    answer = ({ body }) =>
      body['seed'] === 1 || (body['seed'] === 0 && batches.length === 1) ? undefined : completion('batch');
    finalStatus = () => ({ status: 'expired' });
    const client = connect();
    await expect(client.askInBatch!(requests(3), never)).rejects.toThrow(
      /batch: the server did not get to all requests in time \(left: 1\)\. Run the same command again/,
    );
    expect(batches.map(({ input_file_id: id }) => linesOf(files.get(id)!).length)).toEqual([3, 2, 1]);
    answer = () => completion('late');
    await client.askInBatch!(requests(3), never);
    expect(await textsOf(client, requests(3))).toEqual(['batch', 'late', 'batch']);
    expect(server.requests).toHaveLength(0);
  });

  it('that is cancelled at the server ends the run with its answers kept; the next run sends the rest', async () => {
    answer = ({ body }) => (body['seed'] === 0 ? completion('early') : undefined);
    finalStatus = () => ({ status: 'cancelled' });
    const cancelled = connect({ batchTokens: 25 }).askInBatch!(requests(4), never); // two slices
    await expect(cancelled).rejects.toThrow(
      /batch: it was cancelled at the server\. Run the same command again/,
    );
    expect(batches).toHaveLength(1);
    answer = () => completion('late');
    finalStatus = () => ({ status: 'completed' });
    const client = connect();
    await client.askInBatch!(requests(4), never);
    expect(await textsOf(client, requests(4))).toEqual(['early', 'late', 'late', 'late']);
    expect(server.requests).toHaveLength(0);
  });

  it('of an earlier run that was cancelled since is sent again', async () => {
    const killed = new AbortController();
    onLook = () => killed.abort();
    finalStatus = () => ({ status: 'in_progress' });
    await expect(connect().askInBatch!(requests(2), killed.signal)).rejects.toThrow();
    batches[0]!.status = 'cancelled';
    onLook = () => {};
    finalStatus = () => ({ status: 'completed' });
    const client = connect();
    await client.askInBatch!(requests(2), never);
    expect(await textsOf(client, requests(2))).toEqual(['batch 0', 'batch 1']);
    expect(server.requests).toHaveLength(0);
  });

  it('finds in a later run the answers of prompts that needed a lower limit', async () => {
    const message = 'max_tokens is too large (100 > 4096 - 4060)';
    answer = ({ body }) =>
      Number(body['max_tokens']) > 36
        ? { status_code: 400, body: { error: { message } } }
        : completion('short');
    await connect().askInBatch!(requests(2), never);
    expect(batches).toHaveLength(2);
    const client = connect();
    await client.askInBatch!(requests(2), never);
    expect(batches).toHaveLength(2);
    expect(await textsOf(client, requests(2))).toEqual(['short', 'short']);
    expect(client.changes).toMatchObject([{ parameter: 'max_tokens (long prompts)' }]);
  });

  it('leaves what the server refuses to be asked directly', async () => {
    answer = ({ body }) =>
      body['seed'] === 1 ? { status_code: 400, body: { error: { message: 'no' } } } : completion('batch');
    const client = connect();
    await client.askInBatch!(requests(2), never);
    expect(await textsOf(client, requests(2))).toEqual(['batch', 'direct 1']);
  });

  it('learns nothing from an answer that thoughts used up, and counts it as billed in full', async () => {
    const message =
      'Could not finish the message because max_tokens or model output limit was reached. Please try again with higher max_tokens.';
    answer = ({ body }) =>
      body['seed'] === 0 ? { status_code: 400, body: { error: { message } } } : completion('batch');
    const budget = new Budget({ input: 1000, output: 1000 }, 1);
    const client = connect({}, budget);
    await client.askInBatch!(requests(3), never);
    expect(batches.map(({ input_file_id: id }) => linesOf(files.get(id)!).length)).toEqual([3, 1]);
    expect(client.changes).toEqual([]);
    // two answers of 10 tokens in and 5 out; two tries of 11 in and 100 out, all at half of 0.001 USD a token
    expect(budget.spent).toBeCloseTo(0.0005 * (2 * 15 + 2 * 111), 9);
  });

  it('is not sent without a limit of its answers where the cost has one', async () => {
    const message = 'unknown max_tokens or max_completion_tokens';
    answer = ({ body }) =>
      'max_tokens' in body || 'max_completion_tokens' in body
        ? { status_code: 400, body: { error: { message } } }
        : completion('unlimited');
    const limited = connect({}, new Budget({ input: 1, output: 1 }, 1));
    await expect(limited.askInBatch!(requests(1), never)).rejects.toThrow(
      /--max-cost: model 'gpt-4o' takes no limit/,
    );
    expect(batches).toHaveLength(2);
  });

  it.each([
    [429, { message: 'no credit', code: 'insufficient_quota' }, /the quota of this key is used up \(429\)/],
    [501, { message: 'no batches here' }, /the batch failed \(501\): no batches here/],
  ])('is not made by another try after a refusal that stays: %i', async (status, error, wanted) => {
    onCreate = () => ({ ...json({ error }), status });
    await expect(connect({ retries: 2 }).askInBatch!(requests(1), never)).rejects.toThrow(wanted);
    expect(batches).toHaveLength(1);
  });

  it('learns a refused parameter and sends the rest without it', async () => {
    answer = ({ body }) =>
      'seed' in body
        ? { status_code: 400, body: { error: { message: 'no seed', param: 'seed' } } }
        : completion('seedless');
    const client = connect();
    await client.askInBatch!(requests(2).slice(0, 1), never);
    expect(await textsOf(client, requests(1))).toEqual(['seedless']);
    expect(client.changes).toMatchObject([{ parameter: 'seed' }]);
  });

  it.each(['after its file was uploaded', 'after the batch was made'])(
    'is not submitted twice by a run that goes on after one that was killed %s',
    async (moment) => {
      const killed = new AbortController();
      if (moment === 'after the batch was made') {
        // the server has made it, and the run never learns its id
        onCreate = () => killed.abort();
      } else {
        const putFacts = cache.putFacts.bind(cache);
        const dying = vi.spyOn(cache, 'putFacts').mockImplementation(async (subject, facts) => {
          await putFacts(subject, facts);
          if (JSON.stringify(facts).includes('fileId')) killed.abort();
        });
        killed.signal.addEventListener('abort', () => dying.mockRestore());
      }
      await expect(connect().askInBatch!(requests(3), killed.signal)).rejects.toThrow();
      onCreate = () => {};
      const client = connect();
      await client.askInBatch!(requests(3), never);
      expect(batches).toHaveLength(1);
      expect(await textsOf(client, requests(3))).toEqual(['batch 0', 'batch 1', 'batch 2']);
    },
  );

  it('counts at half the price against the budget, and a slice that could exceed it is not submitted', async () => {
    const price = { input: 1000, output: 1000 };
    const budget = new Budget(price, 1);
    await connect({}, budget).askInBatch!(requests(10), never);
    expect(budget.spent).toBeCloseTo((10 * 15 * 1000 * 0.5) / 1e6, 9); // 10 in and 5 out each
    const small = new Budget(price, 0.05); // one may cost 0.5 * 0.111 USD
    const others = requests(20).slice(10);
    await expect(connect({}, small).askInBatch!(others, never)).rejects.toThrow(/--max-cost/);
    expect(batches).toHaveLength(1);
  });

  it('says what the server has against it', async () => {
    finalStatus = () => ({ status: 'failed', errors: { data: [{ code: 'x', message: 'bad file' }] } });
    await expect(connect().askInBatch!(requests(1), never)).rejects.toThrow(
      /batch: the server refused it: bad file/,
    );
  });
});
