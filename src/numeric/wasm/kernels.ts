// The module's exports. AssemblyScript, compiled by scripts/build-wasm.mjs: no heap and no globals, every buffer's
// address is an argument, so any number of threads can run the same kernel on one shared memory.
//
// Conventions: `k` is the number of factors, a multiple of 8. A factor matrix is float32, row-major, rows of k. A
// kernel works on rows `begin` to `end` and owns `scratch`; its result for a row does not depend on any other row of the
// call, so neither the chunks nor the threads show in the bits. Beside a kernel that needs scratch stands a function
// `<kernel>Scratch` of some of its parameters: the bytes. The build writes parameters, layouts of structs and exported
// constants to src/numeric/pool/kernels.ts, which types what the host passes.
export * from './als/cholesky';
export * from './als/conjugate-gradients';
export * from './als/gram';
export * from './features';
export * from './inverse';
export { PANEL_COLUMNS } from './panels';
export * from './resampling';
export * from './sgd/bpr';
export * from './sgd/partition';
export * from './sgd/squared-error';
export * from './sparse-times-dense';
export * from './topn';
