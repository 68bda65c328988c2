/** What does not compile is held by `tsc --noEmit`: an expected error that does not occur is an error. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, expectTypeOf, test } from 'vitest';
import { orderedArguments, Struct, type KernelArguments } from '../../src/numeric/pool/arguments.ts';
import { kernelParameters, structLayouts } from '../../src/numeric/pool/kernels.ts';
import { packageRoot } from '../../src/util/package.ts';

const array = new Float32Array(new SharedArrayBuffer(64), 16);
const factorGrams = { gram: array, lambdas: array, k: 8, choleskyFactors: array };

test('arguments go by name: their order in the source does not matter, that of the kernel is kept', () => {
  const { k, ...others } = factorGrams;
  expect(Object.keys(kernelParameters.factorGrams)).toEqual(['gram', 'lambdas', 'k', 'choleskyFactors']);
  expect(orderedArguments('factorGrams', { k, ...others })).toEqual([16, 16, 8, 16]);
});

test('a missing, an unknown and a swapped argument do not compile', () => {
  expectTypeOf(factorGrams).toExtend<KernelArguments<'factorGrams'>>();
  // @ts-expect-error `choleskyFactors` is missing.
  const missing: KernelArguments<'factorGrams'> = { gram: array, lambdas: array, k: 8 };
  // @ts-expect-error factorGrams has no `steps`.
  const unknown: KernelArguments<'factorGrams'> = { ...factorGrams, steps: 3 };
  // @ts-expect-error An array and a number are swapped.
  const swapped: KernelArguments<'factorGrams'> = { ...factorGrams, lambdas: 8, k: array };
  // @ts-expect-error A struct of another kernel.
  const otherStruct: KernelArguments<'sgdPartition'> = { state: new Struct('AlsUpdate', array.buffer, 0) };
  expect([missing, unknown, swapped, otherStruct]).toHaveLength(4);
});

test('a struct has every field where the compiler put it', () => {
  const memory = new SharedArrayBuffer(64);
  const features = new Struct('ItemFeatures', memory, 8);
  const numbers = { catalogueSize: 3, featureCount: 4, k: 24 };
  features.set({
    pointers: array,
    indices: array,
    values: array,
    catalogue: array,
    weights: null,
    ...numbers,
  });
  const words = Object.fromEntries(
    Object.entries(structLayouts.ItemFeatures.fields).map(([field, { offset }]) => [
      field,
      new DataView(memory).getUint32(8 + offset, true),
    ]),
  );
  const addresses = { pointers: 16, indices: 16, values: 16, catalogue: 16, weights: 0 };
  expect(words).toEqual({ ...addresses, ...numbers });
});

test('the table of kernels is that of the compiled module', () => {
  const module = new WebAssembly.Module(readFileSync(join(packageRoot, 'dist/numeric/kernels.wasm')));
  const functions = WebAssembly.Module.exports(module).filter(({ kind }) => kind === 'function');
  const kernels = functions.map(({ name }) => name).filter((name) => !name.endsWith('Scratch'));
  expect(kernels.toSorted()).toEqual(Object.keys(kernelParameters));
});
