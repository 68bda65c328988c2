/** The part of the WebAssembly API that readers, pool and build use. Node has it; its type package and es2023 do not declare it. */
declare namespace WebAssembly {
  class Module {
    private readonly opaque: never;
    constructor(bytes: Uint8Array);
    static exports(module: Module): { name: string; kind: string }[];
  }
  class Global {
    valueOf(): number;
  }
  class Memory<Buffer extends ArrayBufferLike = ArrayBuffer> {
    constructor(limits: { initial: number; maximum?: number; shared?: boolean });
    readonly buffer: Buffer;
    grow(pages: number): number;
  }
  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, unknown>>);
    readonly exports: Record<string, unknown>;
  }
}
