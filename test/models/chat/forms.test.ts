/** Errors, redirections and refusals in forms that servers invent, over real HTTP. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { noCache } from '../../../src/models/chat/cache.ts';
import { createChatClient } from '../../../src/models/chat/openai/client.ts';
import { chatOptions, resolveModel } from '../../../src/models/chat/options.ts';
import { silentProgress } from '../../../src/util/progress.ts';
import {
  chatRequest as request,
  chatServer,
  type Behaviour,
  type ChatServer,
} from '../../support/chat-server.ts';

const KEY = 'sk-test-0123456789abcdef';

let server: ChatServer;
beforeEach(async () => {
  vi.stubEnv('OPENAI_API_KEY', KEY);
  server = await chatServer(() => 'x');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

function outcome(behaviour: Behaviour, options: Record<string, unknown> = {}) {
  server.behave(behaviour);
  const asked = chatOptions.parse({ baseUrl: server.url, model: 'gpt-4o', retries: 1, ...options });
  const client = createChatClient({
    options: resolveModel(asked, new Date()),
    cache: noCache,
    countTokens: (text) => text.length,
    progress: silentProgress,
  });
  return client.ask(request, new AbortController().signal);
}

const bodies = () => server.requests.map(({ body }) => body);
const completion = (choice: object) =>
  JSON.stringify({ choices: [{ finish_reason: 'stop', message: { content: 'good' }, ...choice }] });

describe('forms of errors that servers invent', () => {
  it.each([
    [{ errors: { tools: ['is not allowed'] } }, 'tools: is not allowed'],
    [{ error_code: 17, error_msg: 'daily limit of the app' }, 'daily limit of the app'],
    [{ Message: 'Malformed input request' }, 'Malformed input request'],
    [{ error: 'invalid_request', error_description: 'the form is odd' }, 'the form is odd'],
    [{ error: { error: { message: 'inner words' } } }, 'inner words'],
    [{ error: { message: '\u001b[31mred\r\nsecond line' } }, '[31mred second line'],
  ])('%j is told in its own words', async (raw, words) => {
    const got = await outcome(() => ({ raw: JSON.stringify(raw), status: 400 }), { retries: 0 });
    expect(got).toEqual({ failure: `status 400: ${words}` });
  });

  it.each([
    [{ errors: [{ message: 'worker exhausted' }] }, /worker exhausted/],
    [{ code: 500, msg: 'service busy', success: false }, /service busy/],
    [{ choices: null, base_resp: { status_code: 1004, status_msg: 'login fail' } }, /login fail/],
    [{ error: 'slow down', code: 429 }, /status 429: slow down/],
    [{ choices: [{}] }, /no message/],
    [{ id: 'q', status: 'queued' }, /no choice: .*queued/],
  ])('%j with status 200 is a failure with its reason', async (raw, words) => {
    const got = await outcome(() => ({ raw: JSON.stringify(raw) }), { retries: 0 });
    expect(got).toMatchObject({ failure: expect.stringMatching(words) });
  });

  it.each([
    [{ message: 'You have run out', code: 'insufficient_quota' }, /quota of this key is used up/],
    [{ message: 'Invalid API key' }, /API key was refused/],
  ])('%j with status 200 ends the run at once', async (error, found) => {
    await expect(outcome(() => ({ raw: JSON.stringify({ error }) }))).rejects.toThrow(found);
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    [403, 'Your credit balance is too low', /quota of this key is used up/],
    [403, 'Key limit exceeded (monthly limit).', /quota of this key is used up/],
    [404, 'No endpoints found for nope/nope.', /no model 'gpt-4o' there/],
    [400, 'nope is not a valid model ID', /no model 'gpt-4o' there/],
    [400, 'Invalid model name passed in model=nope', /no model 'gpt-4o' there/],
  ])('%i %s ends the run and is told for what it is', async (status, message, found) => {
    await expect(outcome(() => ({ status, error: { message } }))).rejects.toThrow(found);
  });

  it('a filter that speaks with status 200 is a state of its own', async () => {
    const error = { message: 'held back', code: 'content_filter' };
    const got = await outcome(() => ({ raw: JSON.stringify({ error }) }));
    expect(got).toMatchObject({ answer: { finishReason: 'content_filter' } });
  });

  it('an address in the words of a rate limit does not make it a used-up quota', async () => {
    const message = 'Rate limit reached. Try again in 20ms. Pay at https://example.org/account/billing.';
    const got = await outcome((_, n) => (n === 0 ? { status: 429, error: { message } } : 'x'));
    expect(got).toMatchObject({ answer: { text: 'x' } });
  });

  it('a status that no Response can have is told', async () => {
    const got = await outcome(() => ({ raw: 'denied', status: 999 }), { retries: 0 });
    expect(got).toEqual({ failure: 'status 400: status 999: denied' });
  });

  it('a text in Latin-1 is read as its header says', async () => {
    const raw = Buffer.from(completion({ message: { content: 'Am\u00e9lie' } }), 'latin1');
    const headers = { 'content-type': 'application/json; charset=iso-8859-1' };
    expect(await outcome(() => ({ raw, headers }))).toMatchObject({ answer: { text: 'Am\u00e9lie' } });
  });
});

describe('redirections', () => {
  it('are followed on the same server where they keep the request', async () => {
    const headers = { location: '/other/chat/completions' };
    const got = await outcome((_, n) => (n === 0 ? { raw: '', status: 307, headers } : 'x'));
    expect(got).toMatchObject({ answer: { text: 'x' } });
    expect(server.requests.map(({ url, authorization }) => [url, authorization])).toEqual([
      ['/v1/chat/completions', `Bearer ${KEY}`],
      ['/other/chat/completions', `Bearer ${KEY}`],
    ]);
  });

  it('to another server are not: neither key nor history reaches it', async () => {
    const other = await chatServer(() => 'x');
    try {
      const headers = { location: `${other.url}/chat/completions?key=${KEY}` };
      const asked = outcome(() => ({ raw: '', status: 308, headers }));
      await expect(asked).rejects.toThrow(/status 308 and points to http.*--base-url/su);
      await expect(asked).rejects.not.toThrow(KEY);
      expect(other.requests).toHaveLength(0);
    } finally {
      await other.close();
    }
  });

  it.each([301, 304, 307])('that lead nowhere end the run (%i)', async (status) => {
    const headers = status === 304 ? {} : { location: '/v1/chat/completions' };
    await expect(outcome(() => ({ raw: '', status, headers }))).rejects.toThrow(`status ${status}`);
  });
});

describe('refusals of parameters in other words', () => {
  const unless = (isTaken: (body: Record<string, unknown>) => boolean, answer: object, status: number) =>
    outcome((body) => (isTaken(body) ? 'x' : { raw: JSON.stringify(answer), status }), { retries: 0 });
  const hasSystem = (body: Record<string, unknown>) => JSON.stringify(body['messages']).includes('"system"');

  it.each([
    ['seed', 200, { error: { message: 'Unsupported parameter: seed' } }],
    ['seed', 500, { error: "create() got an unexpected keyword argument 'seed'" }],
    ['seed', 501, { error: { message: 'seed is not implemented' } }],
    ['seed', 400, { errors: { seed: ['not permitted'] } }],
    ['max_tokens', 400, { error: { message: 'max_tokens is deprecated for this model.' } }],
  ])('%s is left out or renamed after status %i and %j', async (parameter, status, answer) => {
    const got = await unless((body) => !(parameter in body), answer, status);
    expect(got).toMatchObject({ answer: { text: 'x' } });
    expect(server.requests).toHaveLength(2);
  });

  it.each([
    { error: { message: 'Only user and assistant roles are supported!' } },
    { detail: [{ loc: ['body', 'messages', 0, 'role'], msg: "Input should be 'user' or 'assistant'" }] },
    { error: { message: "Invalid value: 'system'.", param: 'messages[0].role' } },
  ])('the system role is left out after %j', async (answer) => {
    expect(await unless((body) => !hasSystem(body), answer, 422)).toMatchObject({ answer: { text: 'x' } });
  });

  it.each([
    ['Invalid max_tokens value, the valid range of max_tokens is [1, 50]', 50],
    ['`max_tokens` must be less than or equal to `50`, which is less than the `context_window`', 50],
    ["'max_tokens' is too large: 100. The maximum context length is 90 tokens (100 > 90 - 30)", 60],
  ])('the limit is lowered after: %s', async (message, limit) => {
    const taken = (body: Record<string, unknown>) => Number(body['max_tokens']) <= limit;
    expect(await unless(taken, { error: { message } }, 400)).toMatchObject({ answer: { text: 'x' } });
    expect(bodies().map((body) => body['max_tokens'])).toEqual([100, limit]);
  });
});
