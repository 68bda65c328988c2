import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Listening } from '../../src/serve/server.ts';
import { packageRoot } from '../../src/util/package.ts';
import { smallFolder } from '../support/cli.ts';
import { serve, servedFolder, type Fixture } from './fixture.ts';

let fixture: Fixture;
let server: Listening;
beforeAll(async () => {
  fixture = await servedFolder();
  server = await serve(fixture);
});
afterAll(async () => {
  await server.close();
  await fixture.remove();
});

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  text: string;
}

/** As it stands: no path is tidied, and any header may be set. */
function ask(path: string, headers: Record<string, string> = {}, method = 'GET', body = ''): Promise<Answer> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, headers, method, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
      answer.on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function json<T>(path: string): Promise<T> {
  const { status, text } = await ask(path);
  expect([path, status, status === 200 ? '' : text]).toEqual([path, 200, '']);
  return JSON.parse(text) as T;
}

interface List {
  user: string | null;
  recommendations: { movieId: number; title: string; score: number; hit: boolean | null; rank: number }[];
}

describe('the API', () => {
  it('names the models, and which of them take new people', async () => {
    const { models } = await json<{ models: { id: string; takesNewPeople: boolean }[] }>('/models');
    expect(models.map(({ id, takesNewPeople }) => [id, takesNewPeople])).toEqual([
      ['ease', true],
      ['ease-clicks', true],
      ['mf', true],
      ['mf-bpr', false],
      ['popularity-count', true],
    ]);
  });

  it('marks as hits exactly what the record of the same model counts', async () => {
    const { runs } = await json<{ runs: { values: { name: string; users: number; precision: number } }[] }>(
      '/runs?filter=baseline_metrics',
    );
    let hits = 0;
    for (let user = 1; user <= 30; user++) {
      const { recommendations } = await json<List>(`/recommend?model=mf&user=${user}`);
      hits += recommendations.filter(({ hit }) => hit).length;
    }
    const { users, precision } = runs.find(({ values }) => values.name === 'mf')!.values;
    expect(hits).toBeCloseTo(10 * users * precision, 8);
  });

  it('knows no hit where a model was fitted on all ratings', async () => {
    const { recommendations } = await json<List>('/recommend?model=ease&user=3');
    expect(new Set(recommendations.map(({ hit }) => hit))).toEqual(new Set([null]));
  });

  it('gives a person by POST the list that the same ratings give by GET', async () => {
    const byGet = await json<List>('/recommend?model=ease&rating=2:5&rating=5:1&k=3');
    const body = JSON.stringify({ model: 'ease', rating: ['2:5', '5:1'], k: 3 });
    const { status, text } = await ask('/recommend', { 'content-type': 'application/json' }, 'POST', body);
    expect([status, JSON.parse(text)]).toEqual([200, byGet]);
    expect(byGet.recommendations.length).toBe(3);
  });

  it('tells a model of equal ratings of no dislike, and other models beside it of every rating', async () => {
    const idsOf = async (query: string) =>
      (await json<List>(`/recommend?k=1000&${query}`)).recommendations.map(({ movieId }) => movieId);
    const liked = await idsOf('model=ease-clicks&rating=2:5');
    const [first] = liked;
    expect(await idsOf(`model=ease-clicks&rating=2:4&rating=${first}:1`)).toEqual(liked.slice(1));
    expect(await idsOf(`model=ease-clicks&like=2&dislike=${first}`)).toEqual(liked.slice(1));
    const { text } = await ask(`/you?r=${first}%3A1&r=2%3A5`);
    expect(text).toMatch(/ease-clicks: fitted on ratings that are all equal/);
    expect(text).not.toMatch(/no liked movie/);
  });

  it('refuses what it does not understand, saying what it wants', async () => {
    const cases: [path: string, message: RegExp][] = [
      ['/recommend?model=mf', /nobody to recommend to/],
      ['/recommend?model=nix&user=3', /'nix', expected one of ease, ease-clicks, mf/],
      ['/recommend?model=mf&user=999', /no user 999/],
      ['/recommend?model=mf&user=3&users=4', /users: unknown parameter/],
      ['/recommend?model=mf&user=3&user=4', /user: given 2 times/],
      ['/recommend?model=mf&rating=2:9', /'2:9', expected the id of a movie and 0.5 to 5 stars/],
      ['/recommend?model=mf-bpr&rating=2:5', /cannot take up a new person/],
      ['/recommend?model=mf&user=3&k=0', /k: /],
      ['/recommend?model=mf&user=3&genre=Nix', /--genre: 'Nix'/],
      ['/runs?differ=nix&differ=mf', /no run 'nix'/],
      ['/runs?sort=nix', /--sort: 'nix'/],
    ];
    for (const [path, message] of cases) {
      const { status, text } = await ask(path);
      expect([path, status, text]).toEqual([path, 400, expect.stringMatching(message)]);
    }
  });

  it('says which settings differ between two runs', async () => {
    const ids = ['baseline_metrics.json#mf', 'baseline_metrics.json#popularity-count'];
    const { differences } = await json<{
      differences: { setting: string; a: string | null; b: string | null }[];
    }>(`/runs?${ids.map((id) => `differ=${encodeURIComponent(id)}`).join('&')}`);
    expect(differences).toContainEqual({ setting: 'by', a: null, b: 'count' });
    expect(differences.map(({ setting }) => setting)).not.toContain('seed');
  });

  it('sorts runs by a metric in both directions', async () => {
    const sorted = async (query: string) =>
      (await json<{ runs: { values: { ndcg: number } }[] }>(`/runs?sort=ndcg${query}`)).runs.map(
        ({ values }) => values.ndcg,
      );
    const down = await sorted('');
    expect(down).toEqual(down.toSorted((a, b) => b - a));
    expect(await sorted('&reverse=true')).toEqual(down.toReversed());
  });
});

describe('what is refused', () => {
  it('a Host that is no name of this machine, as after DNS rebinding', async () => {
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example']) {
      expect([host, (await ask('/models', { host })).status]).toEqual([host, 403]);
    }
    for (const host of ['localhost', '127.0.0.1:80', '[::1]:8377']) {
      expect([host, (await ask('/models', { host })).status]).toEqual([host, 200]);
    }
  });

  it('what a page of another origin sends', async () => {
    for (const headers of [
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { origin: 'http://localhost:1' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]) {
      expect([headers, (await ask('/models', headers as Record<string, string>)).status]).toEqual([
        headers,
        403,
      ]);
    }
    const form = { 'content-type': 'text/plain' };
    expect((await ask('/recommend', form, 'POST', '{"model": "mf", "user": 3}')).status).toBe(415);
    const { host } = new URL(server.url);
    expect((await ask('/models', { origin: `http://${host}`, host })).status).toBe(200);
  });

  it('every path but its own, and what a link in the results folder leads to', async () => {
    for (const path of [
      '/../../etc/passwd',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/results/baseline_metrics.json',
      '//etc/passwd',
      '/..%2f..%2fetc%2fpasswd',
    ]) {
      expect([path, (await ask(path)).status]).toEqual([path, 404]);
    }
    await writeFile(join(fixture.folder, 'outside.json'), '{"experiment": "secret", "models": []}');
    await symlink(join(fixture.folder, 'outside.json'), join(fixture.options.resultsDir, 'link.json'));
    await writeFile(
      join(fixture.options.resultsDir, 'damaged.json'),
      '{"experiment": "baseline", "protocol": {}, "models": [{}]}',
    );
    const { text } = await ask('/runs');
    expect(text).not.toContain('link.json');
    expect(text).not.toContain('secret');
    expect(
      (JSON.parse(text) as { unreadable: { file: string }[] }).unreadable.map(({ file }) => file),
    ).toEqual(['damaged.json']);
  });

  it('other methods and bodies that are too large', async () => {
    expect((await ask('/models', {}, 'DELETE')).status).toBe(405);
    const headers = { 'content-type': 'application/json', 'content-length': '300000' };
    expect((await ask('/recommend', headers, 'POST', ' '.repeat(300_000))).status).toBe(413);
  });
});

describe('the pages', () => {
  it('load nothing from elsewhere and run nothing inline', async () => {
    const { headers } = await ask('/');
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'self'; script-src 'self'/,
    );
    expect(headers['content-security-policy']).not.toContain('unsafe');
  });

  it('show a hostile title as text', async () => {
    const { status, text } = await ask('/?user=3&k=40');
    expect(status).toBe(200);
    expect(text).not.toContain('<script>document');
    expect(text).not.toContain('<img');
    expect(text).toContain('&#60;script&#62;document.title');
  });

  it('keep a rating in the address, and replace or drop it', async () => {
    const added = await ask('/you?r=2%3A5&r=5%3A1&add=2%3A3&q=film&k=10');
    expect([added.status, added.headers['location']]).toEqual([303, '/you?r=5%3A1&r=2%3A3&k=10']);
    const dropped = await ask('/you?r=2%3A5&r=5%3A1&drop=5');
    expect(dropped.headers['location']).toBe('/you?r=2%3A5&k=10');
    expect((await ask('/you?r=nix')).status).toBe(400);
  });

  it('say what is wrong as a page for a browser', async () => {
    const { status, text } = await ask('/?user=999', { accept: 'text/html' });
    expect([status, text]).toEqual([400, expect.stringContaining('<h1>That does not work</h1>')]);
  });
});

describe('recsys serve', () => {
  const start = (...argv: string[]) =>
    spawn(process.execPath, [join(packageRoot, 'dist', 'cli.js'), 'serve', ...argv], { cwd: fixture.folder });

  it('says where it listens, answers, and Ctrl-C ends it', async () => {
    const child = start('--dataset', 'data', '--port', '0');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const url = /^(\S+) shows ease, ease-clicks, mf, mf-bpr, popularity-count[.]/.exec(line.toString())?.[1];
    expect(url).toBeDefined();
    expect((await fetch(`${url}/models`)).status).toBe(200);
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('shows runs where there is no model, and names a port that is taken', async () => {
    const child = start('--models', 'nowhere', '--port', '0');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    expect(line.toString()).toMatch(/shows runs; there is no saved model/);
    const port = /:(\d+) /.exec(line.toString())![1]!;
    const second = start('--models', 'nowhere', '--port', port);
    const [error] = (await once(second.stderr, 'data')) as [Buffer];
    expect(error.toString()).toMatch(/another program listens there.*--port/);
    expect(await once(second, 'exit')).toEqual([1, null]);
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
});

describe('--dataset', () => {
  const open = (changed: Partial<Fixture['options']>) =>
    serve({ ...fixture, options: { ...fixture.options, ...changed } });

  it('is refused where it names the data of no model', async () => {
    const results = fixture.options.resultsDir;
    await expect(open({ models: [results] })).rejects.toThrow(
      new RegExp(`^--dataset: no saved model in ${results}, .*recsys fit mf --dataset .* makes one`),
    );
    const listening = await open({ models: [results], dataset: undefined }); // runs alone
    await listening.close();
  });

  it('is refused where it is other data than the models’, or none', async () => {
    await expect(open({ dataset: await smallFolder(9, 9) })).rejects.toThrow(
      /not the data that the models were fitted on/,
    );
    await expect(open({ dataset: 'absent' })).rejects.toThrow(/no data set 'absent'/);
  });
});
