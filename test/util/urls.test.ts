import { expect, test } from 'vitest';
import { addressOf, withoutSecrets } from '../../src/util/network/urls.ts';

test('an address is sent without user name and password, which become basic authentication, and shown without keys', () => {
  const found = addressOf('http://alice:p%2Fss%40word@host:8080/v1/?api-version=2024-10-21&sig=k3yk3yk3y');
  expect(found).toMatchObject({
    url: 'http://host:8080/v1/?api-version=2024-10-21&sig=k3yk3yk3y',
    headers: { authorization: 'Basic YWxpY2U6cC9zc0B3b3Jk' }, // printf 'alice:p/ss@word' | base64
    shown: 'http://...@host:8080/v1/?...',
  });
  const echo = 'p/ss@word p%2Fss%40word YWxpY2U6cC9zc0B3b3Jk k3yk3yk3y 2024-10-21';
  expect(withoutSecrets(echo, found.secrets)).toBe('[key] [key] [key] [key] 2024-10-21');
});

test('text that is no URL is shown without what may be a key, and a short user name is no secret', () => {
  expect(addressOf('//user:secret@x/y?key=secret').shown).toBe('//...@x/y?...');
  expect(addressOf('http://me@host/').secrets).toEqual(['bWU6']); // of "me:"
});
