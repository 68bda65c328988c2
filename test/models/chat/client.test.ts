import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { diskCache, noCache, type AnswerCache } from '../../../src/models/chat/cache.ts';
import { Budget } from '../../../src/models/chat/cost.ts';
import { createChatClient } from '../../../src/models/chat/openai/client.ts';
import { chatOptions, resolveModel } from '../../../src/models/chat/options.ts';
import { silentProgress } from '../../../src/util/progress.ts';
import {
  chatRequest as request,
  chatServer,
  CUT,
  SILENCE,
  type Behaviour,
  type ChatServer,
} from '../../support/chat-server.ts';

const KEY = 'sk-test-0123456789abcdef';
const never = new AbortController().signal;
/** One token per word: the tests' own tokenizer. */
const countTokens = (text: string) => text.split(/\s+/u).filter((word) => word !== '').length;
const completion = (fields: object, choice: object = {}) => ({
  raw: JSON.stringify({
    model: 'm',
    choices: [{ finish_reason: 'stop', message: { content: 'good' }, ...choice }],
    usage: { prompt_tokens: 10, completion_tokens: 5 },
    ...fields,
  }),
});

let server: ChatServer;
let notes: string[];
beforeEach(async () => {
  vi.stubEnv('OPENAI_API_KEY', KEY);
  vi.stubEnv('OPENAI_BASE_URL', '');
  notes = [];
  server = await chatServer(() => '{"recommendations": []}');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

function connect(options: Record<string, unknown> = {}, cache: AnswerCache = noCache, budget?: Budget) {
  const resolved = resolveModel(
    chatOptions.parse({ baseUrl: server.url, model: 'gpt-4o', retries: 1, ...options }),
    new Date(),
  );
  const progress = { ...silentProgress, note: (line: string) => void notes.push(line) };
  return createChatClient({ options: resolved, cache, countTokens, progress, ...(budget && { budget }) });
}

async function outcome(behaviour: Behaviour, options: Record<string, unknown> = {}, signal = never) {
  server.behave(behaviour);
  return connect(options).ask(request, signal);
}

const temporary = () => mkdtemp(join(tmpdir(), 'recsys-cache-'));
const bodies = () => server.requests.map(({ body }) => body);

describe('asking a server', () => {
  it('sends model, messages, limits and a strict schema, with the key as a bearer token', async () => {
    await outcome(() => 'x');
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]!.authorization).toBe(`Bearer ${KEY}`);
    expect(bodies()[0]).toMatchObject({
      model: 'gpt-4o',
      messages: request.messages,
      temperature: 0,
      max_tokens: 100,
      seed: 1,
      response_format: { type: 'json_schema', json_schema: { strict: true } },
    });
  });

  it('names the fields of the schema in the order in which the prompt asks for them', async () => {
    await connect().ask({ ...request, numbered: true }, never);
    const format = JSON.stringify(bodies()[0]!.response_format);
    const order = ['"number":{', '"title":{', '"reason":{'].map((field) => format.indexOf(field));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order[0]).toBeGreaterThan(0);
  });

  it('returns text, finish reason, usage and the model that answered', async () => {
    const got = await outcome(() => ({ message: { content: '{"rec' }, finishReason: 'length' }));
    expect(got).toMatchObject({
      fromCache: false,
      answer: {
        text: '{"rec',
        finishReason: 'length',
        refusal: null,
        model: 'gpt-4o-2024-08-06',
        usage: { input: 100, output: 50 },
      },
    });
  });

  it('takes a refusal as an answer', async () => {
    const got = await outcome(() => ({ message: { refusal: 'I cannot help with that.' } }));
    expect(got).toMatchObject({ answer: { refusal: 'I cannot help with that.', text: '' } });
  });

  it.each([
    ['gpt-6-luna', undefined, { max_completion_tokens: 100 }, ['temperature', 'seed', 'max_tokens']],
    ['gpt-6.1-sol', 'low', { max_completion_tokens: 100, reasoning_effort: 'low' }, ['temperature', 'seed']],
    ['gpt-6.1-sol', 'none', { temperature: 0, seed: 1, reasoning_effort: 'none' }, ['max_tokens']],
    ['o4-mini', undefined, { max_completion_tokens: 100 }, ['temperature', 'seed', 'max_tokens']],
    ['o3-2025-04-16', 'high', { max_completion_tokens: 100, reasoning_effort: 'high' }, ['temperature']],
    ['gpt-4o', undefined, { max_tokens: 100, temperature: 0, seed: 1 }, ['reasoning_effort']],
    ['llama3.1:8b', undefined, { max_tokens: 100, temperature: 0, seed: 1 }, ['max_completion_tokens']],
  ])('sends %s with effort %s what its family takes', async (model, reasoningEffort, sent, left) => {
    await outcome(() => 'x', { model, reasoningEffort });
    expect(bodies()[0]).toMatchObject(sent);
    for (const parameter of left) expect(bodies()[0]).not.toHaveProperty(parameter);
  });
});

describe('parameters that a server refuses', () => {
  const refusing =
    (isRefused: (body: Record<string, unknown>) => boolean, raw: object, status = 400): Behaviour =>
    (body) =>
      isRefused(body) ? { raw: JSON.stringify(raw), status } : 'plain';

  it.each([
    ['temperature', { error: { message: "'temperature' does not support 0", param: 'temperature' } }, 400],
    ['seed', { detail: [{ loc: ['body', 'seed'], msg: 'Extra inputs are not permitted' }] }, 422],
    ['seed', [{ error: { code: 400, message: 'Unknown name "seed": Cannot find field.' } }], 400],
    ['reasoning_effort', { error: { message: 'unknown parameter reasoning_effort' } }, 400],
  ])('leaves %s out when it is refused in this form: %j', async (parameter, raw, status) => {
    server.behave(refusing((body) => parameter in body, raw, status));
    const client = connect({ reasoningEffort: 'low' });
    expect(await client.ask(request, never)).toMatchObject({ answer: { text: 'plain' } });
    expect(bodies().map((body) => parameter in body)).toEqual([true, false]);
    expect(client.changes).toMatchObject([{ parameter, change: 'left out' }]);
    expect(notes.join()).toContain(parameter);
    await client.ask({ ...request, seed: 2 }, never);
    expect(server.requests).toHaveLength(3); // learned once
  });

  it('sends the limit under its other name, then not at all, then says so when a cost limit needs it', async () => {
    server.behave(refusing((body) => 'max_tokens' in body, { error: { message: 'max_tokens?' } }));
    await connect().ask(request, never);
    expect(bodies()[1]).toMatchObject({ max_completion_tokens: 100 });
    server.behave(
      refusing((body) => 'max_tokens' in body || 'max_completion_tokens' in body, {
        error: { message: 'unknown max_tokens or max_completion_tokens' },
      }),
    );
    await connect().ask(request, never);
    expect(bodies().at(-1)).not.toHaveProperty('max_completion_tokens');
    const limited = connect({}, noCache, new Budget({ input: 1, output: 1 }, 1));
    await expect(limited.ask(request, never)).rejects.toThrow(/--max-cost: model 'gpt-4o' takes no limit/);
  });

  it('lowers the limit to what the server says it can be', async () => {
    server.behave(({ max_tokens: limit }) =>
      Number(limit) > 64
        ? { status: 400, error: { message: 'max_tokens is too large: 100. At most 64 are supported.' } }
        : 'plain',
    );
    const client = connect();
    await client.ask(request, never);
    expect(bodies()[1]!['max_tokens']).toBe(64);
  });

  it.each([
    ['[1, 65)', 'The value of max_output_tokens must be in the range [1, 65)'],
    [
      '65 (exclusive)',
      'a maxOutputTokens value of 100 but the supported range is from 1 (inclusive) to 65 (exclusive)',
    ],
  ])('takes the end of a range that is not part of it one lower: %s', async (_, message) => {
    server.behave(({ max_tokens: limit }) =>
      Number(limit) > 64 ? { status: 400, error: { message } } : 'plain',
    );
    await connect().ask(request, never);
    expect(bodies().map((body) => body['max_tokens'])).toEqual([100, 64]);
  });

  it('takes a lower limit over for the kept answers of a model that is gone', async () => {
    const cache = diskCache(await temporary());
    const refusal = {
      status: 400,
      error: { message: 'max_tokens is too large: 100. At most 64 are supported.' },
    };
    server.behave(({ max_tokens: limit }) => (Number(limit) > 64 ? refusal : 'plain'));
    await connect({}, cache).ask(request, never);
    server.behave(() => ({ status: 410, error: { message: 'gone' } }));
    expect(await connect({}, cache).ask(request, never)).toMatchObject({ answer: { text: 'plain' } });
  });

  // vLLM's words, and Anthropic's
  it.each([
    "'max_tokens' or 'max_completion_tokens' is too large: 100. This model's maximum context length is 4096 tokens and your request has 4060 input tokens (100 > 4096 - 4060).",
    'input length and `max_tokens` exceed context limit: 4060 + 100 > 4096, decrease input length or `max_tokens` and try again',
  ])('lowers the limit of a prompt that nearly fills the context, and of no other: %s', async (message) => {
    const isLong = ({ messages }: { messages: { content: string }[] }) => messages[1]!.content.length > 50;
    server.behave((body) =>
      isLong(body) && Number(body['max_tokens']) > 36 ? { status: 400, error: { message } } : 'plain',
    );
    const long = [request.messages[0]!, { role: 'user' as const, content: 'Heat (1995), '.repeat(20) }];
    const client = connect();
    for (const messages of [long, request.messages, [...long]])
      await client.ask({ ...request, messages }, never);
    expect(bodies().map((body) => body['max_tokens'])).toEqual([100, 36, 100, 36]);
    expect(client.changes).toMatchObject([{ parameter: 'max_tokens (long prompts)' }]);
  });

  it('fails a prompt that leaves no room for an answer, and changes nothing for the others', async () => {
    const message =
      "'max_tokens' is too large: 100. The maximum context length is 4096 tokens (100 > 4096 - 4090).";
    server.behave((_, n) => (n === 0 ? { status: 400, error: { message } } : 'plain'));
    const client = connect();
    expect(await client.ask(request, never)).toEqual({
      failure: expect.stringContaining('lower --history-tokens') as string,
    });
    await client.ask({ ...request, seed: 2 }, never);
    expect(bodies().map((body) => body['max_tokens'])).toEqual([100, 100]);
  });

  it('asks for json_object when json_schema is refused, then for no format', async () => {
    server.behave(
      refusing((body) => 'response_format' in body, {
        error: { message: 'This response_format is unavailable' },
      }),
    );
    const client = connect();
    expect(await client.ask(request, never)).toMatchObject({ answer: { text: 'plain' } });
    expect(bodies().map((body) => body.response_format?.type)).toEqual([
      'json_schema',
      'json_object',
      undefined,
    ]);
    expect(client.changes).toMatchObject([{ parameter: 'response_format', change: 'left out' }]);
  });

  it('drops the format when a grammar breaks the server, and keeps retrying other 500s', async () => {
    server.behave(
      refusing((body) => 'response_format' in body, { error: { message: 'failed to parse grammar' } }, 500),
    );
    expect(await connect({ retries: 0 }).ask(request, never)).toMatchObject({
      answer: { text: 'plain' },
    });
  });

  it('leaves the format out for a prompt whose answer broke it, and for no other', async () => {
    const broken = {
      message:
        "Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more details.",
      code: 'json_validate_failed',
    };
    server.behave(({ seed, response_format: format }) =>
      seed === 1 && format ? { status: 400, error: broken } : 'plain',
    );
    const budget = new Budget({ input: 0, output: 1000 }, 1);
    const client = connect({}, noCache, budget);
    await client.ask(request, never);
    await client.ask({ ...request, seed: 2, messages: [{ role: 'user', content: 'another' }] }, never);
    expect(bodies().map((body) => 'response_format' in body)).toEqual([true, false, true]);
    expect(budget.spent).toBeCloseTo(0.1 + 2 * 0.05, 9); // what broke was written all the same
  });

  it.each([
    [
      'limit',
      "'max_tokens' is too large: 100. The maximum context length is 4096 tokens (100 > 4096 - 4060).",
      (body: Record<string, unknown>) => Number(body['max_tokens']) > 36,
    ],
    ['format', 'Failed to generate JSON.', (body: Record<string, unknown>) => 'response_format' in body],
  ])(
    'of one prompt alone is remembered: a later run finds the answer with another %s',
    async (_, message, isRefused) => {
      const cache = diskCache(await temporary());
      server.behave(refusing(isRefused, { error: { message } }));
      const repeats = [1, 2].map((repeat) => ({ ...request, repeat }));
      const first = connect({}, cache);
      for (const repeat of repeats) await first.ask(repeat, never);
      expect(server.requests).toHaveLength(3);
      server.behave(() => ({ status: 410, error: { message: 'gone' } }));
      const second = connect({}, cache);
      for (const repeat of repeats) {
        expect(await second.ask(repeat, never)).toMatchObject({ fromCache: true, answer: { text: 'plain' } });
      }
      expect(server.requests).toHaveLength(3);
      expect(second.changes).toEqual(first.changes);
      expect(second.changes).toHaveLength(1);
    },
  );

  it('takes a parameter in the name of the model for no parameter', async () => {
    const model = 'ByteDance-Seed/Seed-OSS-36B';
    const message = `${model} does not support this response_format`;
    server.behave(refusing((body) => 'response_format' in body, { error: { message } }));
    await connect({ model }).ask(request, never);
    expect(bodies().every((body) => 'seed' in body)).toBe(true);
  });

  it('keeps the name of the limit where thoughts have used it up', async () => {
    const message =
      'Could not finish the message because max_tokens or model output limit was reached. Please try again with higher max_tokens.';
    server.behave(() => ({ status: 400, error: { message } }));
    expect(await connect().ask(request, never)).toEqual({
      failure: expect.stringContaining('Raise --max-output-tokens') as string,
    });
    expect(server.requests).toHaveLength(1);
  });

  it('tells the system message by the user where the role is refused', async () => {
    server.behave(
      refusing((body) => (body['messages'] as { role: string }[]).some(({ role }) => role === 'system'), {
        error: { message: 'System role not supported' },
      }),
    );
    await connect().ask(request, never);
    expect(bodies()[1]!.messages).toEqual([
      { role: 'user', content: 'You recommend movies.\n\nUser 1 has watched nothing.' },
    ]);
  });

  it('is learned by the first request alone, though many are asked at once', async () => {
    server.behave(refusing((body) => 'seed' in body, { error: { message: 'no seed' } }));
    const client = connect();
    await Promise.all([1, 2, 3, 4, 5].map((seed) => client.ask({ ...request, seed }, never)));
    expect(bodies().filter((body) => 'seed' in body)).toHaveLength(1);
  });

  it('is forgotten by the next run, which takes the old answer only where it asks the same', async () => {
    const cache = diskCache(await temporary());
    server.behave(refusing((body) => 'response_format' in body, { error: { message: 'response_format?' } }));
    await connect({}, cache).ask(request, never);
    server.behave(() => 'structured');
    expect(await connect({}, cache).ask(request, never)).toMatchObject({
      answer: { text: 'structured' },
    });
  });

  it('is remembered where the model can no longer be asked: the kept answer counts', async () => {
    const cache = diskCache(await temporary());
    server.behave(refusing((body) => 'seed' in body, { error: { message: 'no seed' } }));
    await connect({}, cache).ask(request, never);
    server.behave(() => ({ status: 410, error: { message: 'gone' } }));
    expect(await connect({}, cache).ask(request, never)).toMatchObject({
      fromCache: true,
      answer: { text: 'plain' },
    });
  });
});

describe('forms of answers', () => {
  it.each([
    [
      'parts',
      completion(
        {},
        {
          message: {
            content: [
              { type: 'text', text: 'go' },
              { type: 'text', text: 'od' },
            ],
          },
        },
      ),
    ],
    [
      'parts with thoughts',
      completion(
        {},
        {
          message: {
            content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'h' }] }, { text: 'good' }],
          },
        },
      ),
    ],
    ['a list around the completion', { raw: `[${completion({}).raw}]` }],
    ['another content type', { ...completion({}), headers: { 'content-type': 'text/plain' } }],
    ['gzip', { raw: gzipSync(completion({}).raw), headers: { 'content-encoding': 'gzip' } }],
  ])('reads %s', async (_, raw) => {
    expect(await outcome(() => raw)).toMatchObject({ answer: { text: 'good', finishReason: 'stop' } });
  });

  it('takes the arguments of a tool call where there is no text', async () => {
    const message = { content: null, tool_calls: [{ function: { name: 'r', arguments: '{"a": 1}' } }] };
    expect(await outcome(() => completion({}, { message }))).toMatchObject({
      answer: { text: '', toolCall: '{"a": 1}' },
    });
  });

  it.each([
    ['max_tokens', 'length'],
    ['SAFETY', 'content_filter'],
    ['content_filter', 'content_filter'],
    [null, 'none'],
    ['eos', 'eos'],
  ])('knows the finish reason %s as %s', async (said, known) => {
    expect(await outcome(() => completion({}, { finish_reason: said }))).toMatchObject({
      answer: { finishReason: known },
    });
  });

  it.each([
    ['numbers', { prompt_tokens: 7, completion_tokens: 3 }, { input: 7, output: 3 }],
    ['texts', { prompt_tokens: '7', completion_tokens: '3' }, { input: 7, output: 3 }],
    ['fractions', { prompt_tokens: 6.5, completion_tokens: 2.5 }, { input: 7, output: 3 }],
    ['nothing', undefined, { input: 19, output: 1, estimated: true }],
    ['null', null, { input: 19, output: 1, estimated: true }],
    [
      'negative numbers',
      { prompt_tokens: -7, completion_tokens: -3 },
      { input: 19, output: 1, estimated: true },
    ],
    ['zeros', { prompt_tokens: 0, completion_tokens: 0 }, { input: 19, output: 1, estimated: true }],
    [
      'kinds',
      {
        prompt_tokens: 7,
        completion_tokens: 3,
        prompt_tokens_details: { cached_tokens: 6 },
        completion_tokens_details: { reasoning_tokens: 2 },
      },
      { input: 7, output: 3, cached: 6, reasoning: 2 },
    ],
    [
      'hidden thoughts',
      { prompt_tokens: 7, completion_tokens: 3, total_tokens: 30 },
      { input: 7, output: 23 },
    ],
  ])('counts usage given as %s', async (_, usage, wanted) => {
    // 19: 3 a request, 3 a message, and its words, the role's included.
    expect(await outcome(() => completion({ usage }))).toMatchObject({ answer: { usage: wanted } });
  });

  it.each([
    ['a web page', { raw: '<html><title>Login</title></html>' }, /a web page in place of an answer: Login/],
    ['a text', { raw: 'hello' }, /not a chat completion: hello/],
    ['nothing', { raw: '' }, /the answer is empty/],
    ['no choice', { raw: '{"choices": []}' }, /holds no choice/],
    ['a stream', { raw: 'data: {"choices": []}\n\ndata: [DONE]\n\n' }, /streams its answer/],
    ['half of it', { raw: '{"choices": [{"mess' }, /broke off/],
    [
      'an error',
      { raw: '{"error": {"message": "upstream died", "code": 502}}' },
      /status 502: upstream died/,
    ],
    [
      'an error within',
      completion({}, { error: { message: 'died' }, finish_reason: 'error' }),
      /answer: died/,
    ],
    ['numbers', { raw: '17' }, /not a chat completion/],
    ['deep nesting', { raw: '['.repeat(100_000) }, /broke off/],
  ])('a body of 200 that holds %s is a failure and not kept', async (_, raw, reason) => {
    const folder = await temporary();
    server.behave(() => raw);
    const client = connect({ retries: 0 }, diskCache(folder));
    expect(await client.ask(request, never)).toEqual({ failure: expect.stringMatching(reason) as string });
    const files = await readdir(folder, { recursive: true });
    expect(files.filter((name) => name.endsWith('.json'))).toEqual([]);
  });

  it('an empty answer is not kept: the next run asks again', async () => {
    const cache = diskCache(await temporary());
    server.behave((_, n) => (n === 0 ? '' : 'good'));
    const client = connect({}, cache);
    expect(await client.ask(request, never)).toMatchObject({ answer: { text: '' } });
    expect(await client.ask(request, never)).toMatchObject({ fromCache: false, answer: { text: 'good' } });
    expect(await client.ask(request, never)).toMatchObject({ fromCache: true });
  });

  it.each([
    { message: "triggering Azure OpenAI's content management policy", code: 'content_filter' },
    { message: 'Output blocked by content filtering policy' }, // Anthropic
    { message: 'Content Exists Risk' }, // DeepSeek
    { message: 'Input data may contain inappropriate content.', code: 'data_inspection_failed' }, // Qwen
  ])('a prompt that a filter holds back is an answer of its own: %j', async (error) => {
    const got = await outcome(() => ({ status: 400, error }));
    expect(got).toMatchObject({ answer: { text: '', finishReason: 'content_filter' } });
  });
});

describe('what goes wrong for a while', () => {
  it('429 is tried again after the time that Retry-After names', async () => {
    const started = performance.now();
    const got = await outcome((_, n) =>
      n === 0 ? { status: 429, error: { message: 'slow down' }, headers: { 'retry-after': '2' } } : 'ok',
    );
    expect(got).toMatchObject({ answer: { text: 'ok' } });
    expect(performance.now() - started).toBeGreaterThan(1900); // the wait itself is the behaviour
    expect(notes).toEqual(['gpt-4o: waits 2 s: status 429: slow down']);
  });

  it('a wait that is longer than --max-wait ends the run, and a shorter one ends with Ctrl-C', async () => {
    const slow: Behaviour = () => ({
      status: 429,
      error: { message: 'slow down' },
      headers: { 'retry-after': '100' },
    });
    await expect(outcome(slow, { maxWait: 99 })).rejects.toThrow(
      /asks to wait 100 s, longer than the 99 s of --max-wait \(status 429: slow down\)/,
    );
    await expect(outcome(slow, {}, AbortSignal.timeout(300))).rejects.toThrow(/abort|timeout/i);
  });

  // Gemini's words, whole, with a line for each limit, and its seconds for programs
  const limits =
    'generate_content_free_tier_input_token_count, limit: 250000, model: gemini-3-flash\n'.repeat(6);
  const quota = `You exceeded your current quota, please check your plan and billing details. * Quota exceeded for metric: ${limits}`;
  const retryInfo = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '0.2s' }];
  it.each([
    [
      'words',
      { error: { code: 429, message: `${quota}Please retry in 0.2s.`, status: 'RESOURCE_EXHAUSTED' } },
    ],
    ['seconds', { error: { code: 429, message: quota, status: 'RESOURCE_EXHAUSTED', details: retryInfo } }],
  ])('a quota that is exceeded for a moment, by its %s, is waited for', async (_, error) => {
    const got = await outcome((_, n) => (n === 0 ? { raw: JSON.stringify([error]), status: 429 } : 'ok'));
    expect(got).toMatchObject({ answer: { text: 'ok' } });
  });

  it('a quota of a day ends the run, although the server asks for another try in seconds', async () => {
    const violations = [
      'GenerateRequestsPerMinutePerProjectPerModel-FreeTier',
      'GenerateRequestsPerDayPerProjectPerModel-FreeTier',
    ];
    const failure = {
      '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
      violations: violations.map((quotaId) => ({ quotaId, quotaValue: '50' })),
    };
    const error = {
      code: 429,
      message: quota,
      status: 'RESOURCE_EXHAUSTED',
      details: [failure, ...retryInfo],
    };
    const failed = outcome(() => ({ raw: JSON.stringify([{ error }]), status: 429 }));
    await expect(failed).rejects.toThrow(
      /the quota of this key is used up \(429\).*when the quota is renewed/,
    );
    expect(server.requests).toHaveLength(1);
  });

  it('429 without Retry-After is tried again', async () => {
    expect(
      await outcome((_, n) => (n === 0 ? { status: 429, error: { message: 'x' } } : 'ok')),
    ).toMatchObject({ answer: { text: 'ok' } });
  });

  it('a connection that is cut in the middle of an answer is tried again, then a failure', async () => {
    expect(await outcome((_, n) => (n === 0 ? CUT : 'ok'))).toMatchObject({ answer: { text: 'ok' } });
    expect(await outcome(() => CUT)).toEqual({
      failure: expect.stringMatching(/connection failed/) as string,
    });
  });

  it('damaged gzip is tried again', async () => {
    const damaged = { raw: Buffer.from('no gzip'), headers: { 'content-encoding': 'gzip' } };
    expect(await outcome((_, n) => (n === 0 ? damaged : 'ok'))).toMatchObject({ answer: { text: 'ok' } });
  });

  it('an answer that unpacks to more than any list needs is not read', async () => {
    const bomb = { raw: gzipSync(Buffer.alloc(64 * 2 ** 20, ' ')), headers: { 'content-encoding': 'gzip' } };
    expect(await outcome(() => bomb, { retries: 0 })).toEqual({
      failure: 'an answer of more than 8 MiB was not read',
    });
  });

  it('a request that is over a limit in itself fails, although the server names a wait', async () => {
    const error = { message: 'Request too large: Limit 30000, Requested 31000' };
    const got = await outcome(() => ({ status: 429, error, headers: { 'retry-after': '1' } }));
    expect(got).toEqual({ failure: expect.stringContaining('over the limit of this key') as string });
    expect(server.requests).toHaveLength(1);
  });

  it('a persistent 500 becomes a failure after the last try', async () => {
    const got = await outcome(() => ({ status: 500, error: { message: 'boom' } }));
    expect(got).toEqual({ failure: 'status 500: boom' });
    expect(server.requests).toHaveLength(2);
  });

  it('silence and an answer that comes byte by byte end with the time-out', async () => {
    const failure = 'no answer within 0.3 s';
    expect(await outcome(() => SILENCE, { timeout: 0.3, retries: 0 })).toEqual({ failure });
    const trickle = { raw: '', trickle: true };
    expect(await outcome(() => trickle, { timeout: 0.3, retries: 0 })).toEqual({ failure });
  });

  it('a request in the queue of a server that works on one at a time does not time out', async () => {
    let queue = Promise.resolve();
    server.behave(() => {
      const turn = queue.then(() => new Promise<void>((resolve) => setTimeout(resolve, 400)));
      queue = turn;
      return turn.then(() => 'ok');
    });
    const client = connect({ timeout: 1.5, retries: 0, concurrency: 4 });
    const got = await Promise.all([1, 2, 3, 4, 5].map((seed) => client.ask({ ...request, seed }, never)));
    expect(got.map((one) => 'answer' in one)).toEqual([true, true, true, true, true]);
  });

  it('a failure is not kept: the next run asks again', async () => {
    const cache = diskCache(await temporary());
    server.behave((_, n) => (n < 2 ? { status: 500, error: { message: 'boom' } } : 'ok'));
    const client = connect({}, cache);
    expect(await client.ask(request, never)).toHaveProperty('failure');
    expect(await client.ask(request, never)).toMatchObject({ fromCache: false, answer: { text: 'ok' } });
  });

  it('waits while the limits that the headers name are used up', async () => {
    const headers = {
      'x-ratelimit-limit-requests': '60',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '30s',
    };
    server.behave(() => ({ ...completion({}), headers }));
    const client = connect();
    await client.ask(request, never);
    const started = performance.now();
    await client.ask({ ...request, seed: 2 }, never);
    expect(performance.now() - started).toBeGreaterThan(900); // 60 a minute: one comes free each second
  });
});

describe('what no retry mends', () => {
  it.each([
    [
      401,
      { message: `Incorrect API key provided: ${KEY}` },
      /the API key was refused \(401\).*OPENAI_API_KEY/,
    ],
    [400, { message: 'API key not valid. Please pass a valid API key.' }, /the API key was refused \(400\)/],
    [400, { message: 'API key expired. Please renew the API key.' }, /the API key was refused \(400\)/],
    [404, { message: 'It does not exist', code: 'DeploymentNotFound' }, /no model 'gpt-4o' there \(404\)/],
    [
      200,
      { message: 'Unexpected endpoint or method. (POST /chat/completions)' },
      /nothing answers at this path/,
    ],
    [403, { message: `no access for ${KEY}` }, /no permission \(403\): .*no access for \[key\]/],
    [404, { message: 'The model `gpt-4o` does not exist' }, /no model 'gpt-4o' there \(404\)/],
    [400, { message: 'nope', code: 'model_not_found' }, /no model 'gpt-4o' there \(400\)/],
    [404, { message: 'Not Found' }, /nothing answers at this path \(404\): Not Found.*\/v1/],
    [
      410,
      { message: 'gone' },
      /model 'gpt-4o' is no longer served: gone. Its replacement: --model gpt-6.1-sol/,
    ],
    [404, { message: 'The model gpt-4o has been deprecated' }, /is no longer served/],
    [402, { message: 'Insufficient credits' }, /quota of this key is used up \(402\): Insufficient credits/],
    [429, { message: 'You exceeded your quota', code: 'insufficient_quota' }, /quota of this key is used up/],
    [429, { message: 'You exceeded your current quota, please check your plan' }, /quota of this key/],
    [429, { message: 'You exceeded your current quota. limit: 0. Please retry in 5s.' }, /quota of this key/],
    [429, { message: 'Retry in 5s', code: 'insufficient_quota' }, /quota of this key/],
  ])('%i %j is a clear error at once, without the key', async (status, error, wanted) => {
    const failed = outcome(() => ({ status, error }));
    await expect(failed).rejects.toThrow(wanted);
    await expect(failed).rejects.not.toThrow(KEY);
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    ['{"detail": "the words"}', /status 418: the words/],
    ['{"message": "the words"}', /status 418: the words/],
    ['[{"error": {"message": "the words"}}]', /status 418: the words/],
    ['{"error": "the words"}', /status 418: the words/],
    ['<html><body>the <b>words</b></body></html>', /status 418: the words/],
    ['the words', /status 418: the words/],
    ['', /status 418: no reason given/],
  ])('gives the reason in the words of the server: %s', async (raw, reason) => {
    expect(await outcome(() => ({ raw, status: 418 }))).toEqual({
      failure: expect.stringMatching(reason) as string,
    });
  });

  it.each([
    { message: "This model's maximum context length is 4096 tokens", code: 'context_length_exceeded' },
    { message: 'The input token count (5000) exceeds the maximum number of tokens allowed (4096).' }, // Gemini
  ])('says how to shorten a prompt that is too long for the model: %j', async (error) => {
    const got = await outcome(() => ({ status: 400, error }));
    expect(got).toEqual({ failure: expect.stringContaining('lower --history-tokens') as string });
    expect(server.requests).toHaveLength(1);
  });

  it('gives up at once, with the remedy, when an answer holds an error that stays', async () => {
    const error =
      'Trying to keep the first 4060 tokens. The model is loaded with context length of only 4096 tokens';
    const got = await outcome(() => ({ raw: JSON.stringify({ error }) }));
    expect(got).toEqual({
      failure: expect.stringMatching(/context length of only 4096.*lower --history-tokens/) as string,
    });
    expect(server.requests).toHaveLength(1);
  });

  it('a port without a server is an error after the retries, once for all', async () => {
    const gone = await chatServer(() => '');
    await gone.close();
    const client = connect({ baseUrl: gone.url, retries: 0 });
    await expect(client.ask(request, never)).rejects.toThrow(
      /no server answers: connection failed: ECONNREFUSED/,
    );
  });
});

describe('secrets', () => {
  it('no key stands in a kept answer, though the server echoes it and the URL holds it', async () => {
    const folder = await temporary();
    server.behave(({ seed }) =>
      seed === 2
        ? { status: 418, error: { message: `denied for ${KEY} and url-secret-1` } }
        : `your key is ${KEY} and url-secret-1`,
    );
    const client = connect({ baseUrl: `${server.url}?key=url-secret-1` }, diskCache(folder));
    const got = await client.ask(request, never);
    expect(server.requests[0]!.url).toContain('key=url-secret-1');
    expect(got).toMatchObject({ answer: { text: 'your key is [key] and [key]' } });
    expect(await client.ask({ ...request, seed: 2 }, never)).toEqual({
      failure: 'status 418: denied for [key] and [key]',
    });
    const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.json'));
    expect(files).toHaveLength(1);
    const kept = await readFile(join(folder, files[0]!), 'utf8');
    expect(kept).toContain('User 1 has watched nothing.');
    expect(kept).not.toContain(KEY);
    expect(kept).not.toContain('url-secret');
  });

  it('sends the key of an Azure deployment in its own header, beside the version of the API', async () => {
    const url = server.url.replace('/v1', '/openai/deployments/mine?api-version=2024-10-21');
    await outcome(() => 'x', { baseUrl: url });
    expect(server.requests[0]).toMatchObject({
      url: '/openai/deployments/mine/chat/completions?api-version=2024-10-21',
      headers: { 'api-key': KEY },
      authorization: undefined,
    });
  });

  it('sends the user name and password of the URL in place of the key, and leaves them in no file', async () => {
    const folder = await temporary();
    const baseUrl = server.url.replace('http://', 'http://me:pass-word@');
    server.behave(({ seed }) =>
      seed === 2 ? { status: 418, error: { message: 'not pass-word' } } : 'your password is pass-word',
    );
    const client = connect({ baseUrl }, diskCache(folder));
    expect(await client.ask(request, never)).toMatchObject({ answer: { text: 'your password is [key]' } });
    expect(await client.ask({ ...request, seed: 2 }, never)).toEqual({ failure: 'status 418: not [key]' });
    expect(server.requests[0]!.authorization).toBe('Basic bWU6cGFzcy13b3Jk');
    const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.json'));
    expect(await readFile(join(folder, files[0]!), 'utf8')).not.toMatch(/pass-word|bWU6/);
    await connect({}, diskCache(folder)).ask(request, never); // the same server: a kept answer
    expect(server.requests).toHaveLength(2);
  });

  it('sends no key with --no-key', async () => {
    await outcome(() => 'x', { key: false });
    expect(server.requests[0]!.authorization).toBeUndefined();
  });
});

describe('a proxy', () => {
  it('of the environment is asked for other hosts, and never for this machine', async () => {
    const tunnels: string[] = [];
    const proxy = createServer().on('connect', ({ url }, socket) => {
      tunnels.push(url ?? '');
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    vi.stubEnv('HTTP_PROXY', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    vi.stubEnv('NO_PROXY', '');
    const other = connect({ baseUrl: 'http://chat.example.org/v1', retries: 0 });
    expect(await other.ask(request, never)).toHaveProperty('failure');
    expect(await connect().ask(request, never)).toHaveProperty('answer');
    expect(tunnels).toEqual(['chat.example.org:80']);
    proxy.close();
  });
});

describe('two runs at once', () => {
  it('ask once: the second takes the answer of the first', async () => {
    const cache = diskCache(await temporary());
    server.behave(() => new Promise((resolve) => setTimeout(() => resolve('ok'), 300)));
    const clients = [connect({}, cache), connect({}, cache)];
    const got = await Promise.all(clients.map((client) => client.ask(request, never)));
    expect(got.filter((one) => 'answer' in one && one.fromCache)).toHaveLength(1);
    expect(server.requests).toHaveLength(1);
  });
});

describe('the budget', () => {
  const price = { input: 1000, output: 1000 };
  /** USD that the server would bill for all that reached it: 10 tokens in and 100 out at most each. */
  const asked = async (behaviour: Behaviour, maxCost: number, options: Record<string, unknown> = {}) => {
    server.behave(behaviour);
    const budget = new Budget(price, maxCost);
    const client = connect({ retries: 3, ...options }, noCache, budget);
    const users = Array.from({ length: 8 }, (_, seed) => client.ask({ ...request, seed }, never));
    const results = await Promise.allSettled(users);
    return { budget, results };
  };

  it.each<[string, Behaviour]>([
    ['are cut after they were sent', () => CUT],
    ['time out', () => SILENCE],
    ['hold an error in place of an answer', () => ({ raw: '{"error": {"message": "died"}}' })],
  ])('counts requests that %s as spent in full', async (_, behaviour) => {
    const { budget, results } = await asked(behaviour, 0.5, { timeout: 0.2 });
    // each may have cost 19 tokens in and 100 out, 0.119 USD: four of them fit, not five
    expect(server.requests).toHaveLength(4);
    expect(budget.spent).toBeCloseTo(4 * 0.119, 9);
    expect(results.some(({ status }) => status === 'rejected')).toBe(true);
  });

  it('counts refused requests as free', async () => {
    const { budget } = await asked((_, n) => (n === 0 ? { status: 429, error: { message: 'x' } } : 'ok'), 2);
    expect(budget.spent).toBeCloseTo(8 * 0.15, 9); // 100 in and 50 out, as the server counts
  });

  it('holds with a server that counts nothing: tokens are counted here', async () => {
    const { budget } = await asked(() => completion({ usage: undefined }), 0.3);
    expect(budget.spent).toBeGreaterThan(0);
    expect(budget.spent).toBeLessThanOrEqual(0.3);
    expect(server.requests.length).toBeLessThan(20);
  });

  it('reserves more once the server has shown that it counts more', async () => {
    // the server counts 100 tokens where we count 19
    const { budget } = await asked(
      () => completion({ usage: { prompt_tokens: 100, completion_tokens: 100 } }),
      1,
    );
    expect(budget.spent).toBeLessThanOrEqual(1);
    expect(server.requests).toHaveLength(5);
  });
});
