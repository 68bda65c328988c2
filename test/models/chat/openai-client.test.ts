import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { diskCache, noCache } from '../../../src/models/chat/cache.ts';
import { chatClient, redact } from '../../../src/models/chat/openai-client.ts';
import { chatOptions } from '../../../src/models/chat/options.ts';
import { chatServer, CUT, SILENCE, type Behaviour, type ChatServer } from '../../support/chat-server.ts';

const KEY = 'sk-test-0123456789abcdef';
const request = {
  messages: [{ role: 'user' as const, content: 'User 1 has watched nothing.' }],
  maxOutputTokens: 100,
  seed: 1,
  numbered: false,
};
const never = new AbortController().signal;

let server: ChatServer;
beforeEach(async () => {
  vi.stubEnv('OPENAI_API_KEY', KEY);
  server = await chatServer(() => '{"recommendations": []}');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

const client = (options: Record<string, unknown> = {}, cache = noCache) =>
  chatClient(chatOptions.parse({ baseUrl: server.url, retries: 1, ...options }), cache);

async function outcome(behaviour: Behaviour, options: Record<string, unknown> = {}) {
  server.behave(behaviour);
  const ask = await client(options);
  return ask(request, never);
}

describe('asking a server', () => {
  it('sends model, messages, limits and a strict schema, with the key as a bearer token', async () => {
    await outcome(() => 'x');
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]!.authorization).toBe(`Bearer ${KEY}`);
    expect(server.requests[0]!.body).toMatchObject({
      model: 'gpt-4o',
      messages: request.messages,
      temperature: 0,
      max_tokens: 100,
      seed: 1,
      response_format: { type: 'json_schema', json_schema: { strict: true } },
    });
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

  it('asks again without the format when the server does not know it, and remembers', async () => {
    const behaviour: Behaviour = ({ response_format }) =>
      response_format ? { status: 400, error: { message: 'unknown field response_format' } } : 'plain';
    server.behave(behaviour);
    const cache = diskCache(await mkdtemp(join(tmpdir(), 'recsys-cache-')));
    const ask = await client({}, cache);
    expect(await ask(request, never)).toMatchObject({ answer: { text: 'plain' } });
    expect(server.requests).toHaveLength(2);
    expect(await ask(request, never)).toMatchObject({ fromCache: true, answer: { text: 'plain' } });
    expect(server.requests).toHaveLength(2);
  });
});

describe('what goes wrong for a while', () => {
  it('429 is tried again after the time that Retry-After names', async () => {
    const started = performance.now();
    const got = await outcome((_, n) =>
      n === 0 ? { status: 429, error: { message: 'slow down' }, headers: { 'retry-after': '1' } } : 'ok',
    );
    expect(got).toMatchObject({ answer: { text: 'ok' } });
    expect(performance.now() - started).toBeGreaterThan(900); // the wait itself is the behaviour
  });

  it('429 without Retry-After is tried again', async () => {
    expect(
      await outcome((_, n) => (n === 0 ? { status: 429, error: { message: 'x' } } : 'ok')),
    ).toMatchObject({
      answer: { text: 'ok' },
    });
  });

  it('a connection cut in the middle of an answer is tried again or recorded as a failure', async () => {
    const got = await outcome(() => CUT);
    expect(got).toEqual({
      failure: expect.stringMatching(/connection failed|terminated|premature/i) as string,
    });
  });

  it('a persistent 500 becomes a failure after the last try', async () => {
    const got = await outcome(() => ({ status: 500, error: { message: 'boom' } }));
    expect(got).toEqual({ failure: expect.stringContaining('status 500') as string });
    expect(server.requests).toHaveLength(2);
  });

  it('silence becomes a failure after the time-out', async () => {
    const got = await outcome(() => SILENCE, { timeout: 0.2, retries: 0 });
    expect(got).toEqual({ failure: 'no answer within 0.2 s' });
  });

  it('a failure is not kept: the next run asks again', async () => {
    const cache = diskCache(await mkdtemp(join(tmpdir(), 'recsys-cache-')));
    server.behave((_, n) => (n < 2 ? { status: 500, error: { message: 'boom' } } : 'ok'));
    const ask = await client({}, cache);
    expect(await ask(request, never)).toHaveProperty('failure');
    expect(await ask(request, never)).toMatchObject({ fromCache: false, answer: { text: 'ok' } });
  });
});

describe('what no retry mends', () => {
  it.each([
    [
      401,
      { message: `Incorrect API key provided: ${KEY}` },
      /the API key was refused \(401\).*OPENAI_API_KEY/,
    ],
    [403, { message: `no access for ${KEY}` }, /no permission \(403\): .*no access for \[key\]/],
    [404, { message: 'no such model' }, /no model 'gpt-4o' there \(404\)/],
    [429, { message: 'You exceeded your quota', code: 'insufficient_quota' }, /quota of this key is used up/],
  ])('%i is a clear error at once, without the key', async (status, error, wanted) => {
    const failed = outcome(() => ({ status, error }));
    await expect(failed).rejects.toThrow(wanted);
    await expect(failed).rejects.not.toThrow(KEY);
    expect(server.requests).toHaveLength(1);
  });

  it('no key is wrong usage for OpenAI, and fine for a server on loopback', async () => {
    vi.stubEnv('OPENAI_API_KEY', '');
    await expect(chatClient(chatOptions.parse({}), noCache)).rejects.toMatchObject({ exitCode: 2 });
    expect(await (await client())(request, never)).toHaveProperty('answer');
  });

  it('the key stands in no kept answer', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'recsys-cache-'));
    await (
      await client({}, diskCache(folder))
    )(request, never);
    const files = await readdir(folder, { recursive: true });
    const [file] = files.filter((name) => name.endsWith('.json'));
    const kept = await readFile(join(folder, file!), 'utf8');
    expect(kept).toContain('User 1 has watched nothing.');
    expect(kept).not.toContain(KEY);
  });

  it('redacts the key and whatever looks like one', () => {
    expect(redact(`a ${KEY} b sk-proj-*****abc c`, KEY)).toBe('a [key] b [key] c');
  });
});
