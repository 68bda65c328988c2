import { describe, expect, it } from 'vitest';
import { isLocal, redact, resolveEndpoint } from '../../../src/models/chat/openai/endpoint.ts';

const KEY = 'sk-test-0123456789abcdef';
const resolve = (baseUrl: string | undefined, environment: Record<string, string> = {}, key = true) =>
  resolveEndpoint({ baseUrl, key }, environment);

describe('the server that is asked', () => {
  it('is that of --base-url, else of OPENAI_BASE_URL, else OpenAI', () => {
    const environment = { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: 'http://127.0.0.1:8099/v1/' };
    expect(resolve('http://localhost:1/v1', environment).baseUrl).toBe('http://localhost:1/v1');
    expect(resolve(undefined, environment).baseUrl).toBe('http://127.0.0.1:8099/v1');
    expect(resolve(undefined, { OPENAI_API_KEY: KEY })).toMatchObject({
      baseUrl: 'https://api.openai.com/v1',
      official: true,
      headers: { Authorization: `Bearer ${KEY}` },
    });
  });

  it('is not named by a URL without a scheme, in --base-url as in the environment', () => {
    expect(() => resolve('localhost:8099/v1')).toThrow(/--base-url: 'localhost:8099\/v1', expected a URL/);
    expect(() => resolve(undefined, { OPENAI_BASE_URL: 'ftp://x/v1' })).toThrow(/OPENAI_BASE_URL: 'ftp/);
    expect(() => resolve('htp://user:pw123456@x/v1?key=abcdef')).toThrow(/'htp:\/\/\.\.\.@x\/v1\?\.\.\.'/);
  });

  it('may be given by the whole URL of its completions, and by a query', () => {
    const found = resolve('https://x.azure.com/openai/deployments/D/chat/completions?api-version=1', {
      AZURE_OPENAI_API_KEY: 'azure-key',
      OPENAI_API_KEY: KEY,
    });
    expect(found).toMatchObject({
      baseUrl: 'https://x.azure.com/openai/deployments/D',
      query: { 'api-version': '1' },
      azure: true,
      headers: { 'api-key': 'azure-key' },
      secrets: ['azure-key'],
    });
  });
});

describe('the key', () => {
  it.each([
    'http://localhost:11434/v1',
    'http://127.0.0.1/v1',
    'http://[::1]:8080/v1',
    'http://192.168.1.20:11434/v1',
    'http://10.0.0.7/v1',
    'http://172.31.0.1/v1',
    'http://169.254.1.1/v1',
    'http://[fd00::1]/v1',
    'http://[fe80::1]/v1',
    'http://host.docker.internal:11434/v1',
    'http://ollama:11434/v1',
    'http://nas.local/v1',
  ])('is not needed on this machine and on the local network: %s', (url) => {
    expect(resolve(url).headers).toEqual({});
    expect(resolve(url, { OPENAI_API_KEY: KEY }).headers).toEqual({ Authorization: `Bearer ${KEY}` });
    expect(resolve(url, { OPENAI_API_KEY: KEY }, false).headers).toEqual({});
  });

  it.each([
    'https://api.groq.com/openai/v1',
    'http://172.32.0.1/v1',
    'http://11.0.0.1/v1',
    'http://[2001:db8::1]/v1',
  ])('is needed elsewhere unless --no-key is given: %s', (url) => {
    expect(() => resolve(url)).toThrow(/OPENAI_API_KEY: not set.*--no-key/);
    expect(resolve(url, {}, false).headers).toEqual({});
  });

  it('is taken out of texts, with the secrets of the URL and whatever looks like a key', () => {
    const { secrets, baseUrl } = resolve('https://me:pass%2Dword@x.org/v1?key=url-secret&api-version=1', {
      OPENAI_API_KEY: KEY,
    });
    expect(baseUrl).toBe('https://x.org/v1');
    expect(redact(`a ${KEY} b pass-word c url-secret d sk-proj-*****abc e`, secrets)).toBe(
      'a [key] b [key] c [key] d [key] e',
    );
  });

  it.each(['sk-abc…def', 'sk-abc\ndef', 'clé'])(
    'that no header can hold is refused by its variable: %j',
    (key) => {
      const refused = () => resolve('http://localhost/v1', { OPENAI_API_KEY: key });
      expect(refused).toThrow(/^OPENAI_API_KEY: a character that no header can hold/);
      expect(refused).not.toThrow(key);
      const azure = 'https://x.azure.com/openai/deployments/D';
      expect(() => resolve(azure, { AZURE_OPENAI_API_KEY: key, OPENAI_API_KEY: KEY })).toThrow(
        /^AZURE_OPENAI/,
      );
    },
  );

  it('gives way to a user name and password in the URL, which need no key beside them', () => {
    // "me:pass-word" in base64, as `btoa` gives it
    const basic = { Authorization: 'Basic bWU6cGFzcy13b3Jk' };
    expect(resolve('https://me:pass%2Dword@x.org/v1').headers).toEqual(basic);
    expect(resolve('https://me:pass%2Dword@x.org/v1', { OPENAI_API_KEY: KEY }).headers).toEqual(basic);
    expect(resolve('https://me:pass%2Dword@x.azure.com/v1', { OPENAI_API_KEY: KEY }).headers).toEqual({
      ...basic,
      'api-key': KEY,
    });
    const alone = resolve('https://token-123@x.org/v1');
    expect(redact('token-123 dG9rZW4tMTIzOg==', alone.secrets)).toBe('[key] [key]');
  });

  it('knows names that only look local', () => {
    expect(['127.0.0.1.example.org', 'localhost.example.org', '1.2.3.4', 'example.org'].map(isLocal)).toEqual(
      [false, false, false, false],
    );
  });
});
