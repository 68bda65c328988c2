import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { workerCommand } from '../../src/commands/tune/worker.ts';
import { packageRoot } from '../../src/util/package.ts';

/** What Docker's Compose specification says of the fields that compose.yaml has. */
const service = z.strictObject({
  image: z.string().optional(),
  build: z.string().optional(),
  command: z.array(z.string()),
  init: z.boolean().optional(),
  stop_grace_period: z.string().optional(),
  restart: z.enum(['no', 'always', 'on-failure', 'unless-stopped']).optional(),
  ports: z.array(z.string()).optional(),
  volumes: z.array(z.string()).optional(),
  depends_on: z.array(z.string()).optional(),
  deploy: z.strictObject({ replicas: z.int() }).optional(),
});
const composeSchema = z.strictObject({
  services: z.strictObject({ queue: service, worker: service }),
  volumes: z.record(z.string(), z.null()),
});

it('compose.yaml starts a queue with a password and two workers of it, by a command that there is', async () => {
  const text = await readFile(join(packageRoot, 'compose.yaml'), 'utf8');
  const { services, volumes } = composeSchema.parse(parse(text));
  const { queue, worker } = services;
  expect(worker.deploy?.replicas).toBe(2);
  expect(worker.depends_on).toEqual(['queue']);
  expect(queue.volumes?.map((volume) => volume.split(':')[0])).toEqual(Object.keys(volumes));
  expect(queue.command.join(' ')).toContain('--requirepass ${RECSYS_QUEUE_PASSWORD:?');
  const dockerfile = await readFile(join(packageRoot, worker.build!, 'Dockerfile'), 'utf8');
  expect(dockerfile).toContain('ENTRYPOINT ["recsys"]');
  const [name, ...args] = worker.command;
  expect(name).toBe(workerCommand().name());
  const { operands, unknown } = workerCommand().parseOptions(args);
  expect(unknown).toEqual([]);
  expect(operands).toEqual(['redis://:${RECSYS_QUEUE_PASSWORD}@queue:6379']);
});
