import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { gpuName } from '../../../../src/models/gpt2/engine/gpu-name.ts';

/** A PATH with nothing but these commands, each of which prints a text. */
async function withTools(tools: Record<string, string>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tools-'));
  for (const [name, text] of Object.entries(tools)) {
    await writeFile(join(folder, name), `#!${process.execPath}\nconsole.log(${JSON.stringify(text)})\n`);
    await chmod(join(folder, name), 0o755);
  }
  vi.stubEnv('PATH', folder);
}
afterEach(() => vi.unstubAllEnvs());

test('names the device that Vulkan has for WebGPU, and NVIDIA’s for CUDA', async () => {
  const summary =
    'Devices:\n========\nGPU0:\n\tapiVersion = 1.3.0\n\tdeviceName = SwiftShader Device (LLVM 10)';
  await withTools({ vulkaninfo: summary, 'nvidia-smi': 'NVIDIA H100 80GB HBM3' });
  expect(await gpuName('webgpu')).toBe('SwiftShader Device (LLVM 10)');
  expect(await gpuName('cuda')).toBe('NVIDIA H100 80GB HBM3');
});

test('says that it is one of several, and falls back to NVIDIA’s tool', async () => {
  await withTools({ 'nvidia-smi': 'NVIDIA A10\nNVIDIA L4\n' });
  expect(await gpuName('webgpu')).toBe('one of NVIDIA A10, NVIDIA L4');
});

test('says which tools would know where none is installed', async () => {
  await withTools({});
  expect(await gpuName('webgpu')).toBe('adapter unknown without vulkaninfo or nvidia-smi');
});
