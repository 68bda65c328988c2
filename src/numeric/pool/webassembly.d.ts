/** The part of the WebAssembly API that the pool and the build use. Node has it; its type package and es2023 do not declare it. */
declare namespace WebAssembly {
  class Module {
    private readonly opaque: never;
    constructor(bytes: Uint8Array);
    static exports(module: Module): { name: string; kind: string }[];
  }
  class Global {
    valueOf(): number;
  }
  class Memory {
    constructor(limits: { initial: number; maximum: number; shared: boolean });
    readonly buffer: SharedArrayBuffer;
    grow(pages: number): number;
  }
  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, unknown>>);
    readonly exports: Record<string, unknown>;
  }
}
