// Compiles the SIMD kernels (AssemblyScript, src/numeric/wasm) to dist/numeric/kernels.wasm.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';

const source = 'src/numeric/wasm/kernels.ts';
if (existsSync(source)) {
  mkdirSync('dist/numeric', { recursive: true });
  const flags =
    '--runtime stub -O3 --noAssert --converge --enable simd,threads,bulk-memory --sharedMemory --importMemory --disableWarning 112 --initialMemory 1 --maximumMemory 65536';
  execFileSync('npx', ['asc', source, '--outFile', 'dist/numeric/kernels.wasm', ...flags.split(' ')], {
    stdio: 'inherit',
  });
}
