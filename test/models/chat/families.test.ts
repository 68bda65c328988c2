import { describe, expect, it } from 'vitest';
import { costOf, priceOf } from '../../../src/models/chat/cost.ts';
import { defaultModel, familyOf, isServed, reasoningTokens } from '../../../src/models/chat/families.ts';
import { toWire } from '../../../src/models/chat/openai/parameters.ts';
import { readDuration, readRetryAfter, readWaitInWords } from '../../../src/models/chat/openai/waits.ts';

describe('model families', () => {
  // OpenAI's documentation of 2026-11-25.
  it.each([
    ['gpt-4o', { input: 2.5, cached: 1.25, output: 10 }],
    ['gpt-4o-2024-08-06', { input: 2.5, cached: 1.25, output: 10 }],
    ['gpt-4o-2024-05-13', { input: 5, output: 15 }],
    ['gpt-4.1-mini', { input: 0.4, cached: 0.1, output: 1.6 }],
    ['gpt-6-luna', { input: 0.1, cached: 0.01, output: 0.5 }],
    ['gpt-6.1-sol-2026-10-01', { input: 2, cached: 0.2, output: 10 }],
    ['o3', undefined],
    ['llama3', undefined],
    ['gpt-4o-audio-preview', undefined],
  ])('%s costs %j USD per million tokens', (model, price) => {
    expect(priceOf(model)).toEqual(price);
  });

  it('gpt-4o is the default until the day on which it ends', () => {
    expect(defaultModel('2027-01-13')).toBe('gpt-4o');
    expect(defaultModel('2027-01-14')).toBe('gpt-6.1-sol');
    expect(isServed('gpt-4o-mini', '2027-01-14')).toBe(false);
    expect(isServed('llama3', '2099-01-01')).toBe(true);
  });

  it('a name that is not in the table belongs to a reasoning family where its form says so', () => {
    expect(
      ['gpt-7', 'o5-mini', 'gpt-5.1-codex', 'gpt-10.2-x'].map((name) => familyOf(name)?.reasoning),
    ).toEqual([true, true, true, true]);
    expect(['gpt-oss:20b', 'o-model', 'qwen3'].map(familyOf)).toEqual([undefined, undefined, undefined]);
  });

  it('leaves room for thoughts where there are some', () => {
    expect(reasoningTokens('gpt-4o', undefined)).toBe(0);
    expect(reasoningTokens('gpt-6-luna', 'none')).toBe(0);
    expect(reasoningTokens('gpt-6-luna', undefined)).toBe(reasoningTokens('gpt-6-luna', 'medium'));
  });

  it('cached input costs the cached price: 900 of 1000 tokens at a tenth', () => {
    const price = { input: 1, cached: 0.1, output: 5 };
    expect(costOf({ input: 1000, cached: 900, output: 0 }, price)).toBeCloseTo(190e-6, 12);
    expect(costOf({ input: 1000, cached: 900, output: 0 }, { input: 1, output: 5 })).toBeCloseTo(1e-3, 12);
  });
});

it('a request names the tier of the list prices where the server may have another default, or its own', () => {
  const body = { model: 'm', messages: [], repeat: 1 };
  expect(toWire(body, 'default')).toEqual({ model: 'm', messages: [], service_tier: 'default' });
  expect(toWire({ ...body, service_tier: 'flex' }, 'default').service_tier).toBe('flex');
  expect(toWire(body)).not.toHaveProperty('service_tier');
});

describe('waits', () => {
  const now = new Date('2026-11-25T12:00:00Z');
  it.each([
    [{ 'retry-after-ms': '300' }, '', 0.3],
    [{ 'retry-after': '7' }, '', 7],
    [{ 'retry-after': 'Wed, 25 Nov 2026 12:00:30 GMT' }, '', 30],
    [{ 'retry-after': 'Wed, 25 Nov 2026 11:00:00 GMT' }, '', 0],
    [{}, 'Please try again in 4s.', 4],
    [{}, 'Please try again in 1m30.5s', 90.5],
    [{}, 'Please try again in 20ms', 0.02],
    [{ 'retry-after': 'soon' }, 'no idea', undefined],
    [{ 'retry-after': '-5' }, '', undefined],
    [{ 'retry-after': '1e99' }, '', undefined],
  ])('reads %j and %j as %s seconds', (headers, message, seconds) => {
    expect(readRetryAfter(new Headers(headers), now) ?? readWaitInWords(message)).toBe(seconds);
  });

  it('reads durations of headers', () => {
    expect(['6m0s', '1s', '20ms', '1h', '', 'x', '12'].map(readDuration)).toEqual([
      360,
      1,
      0.02,
      3600,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
