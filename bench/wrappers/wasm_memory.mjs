// Remembers the memories of the WebAssembly instances made after it was imported: nothing else can tell their size.
const memories = [];
const Instance = WebAssembly.Instance;

WebAssembly.Instance = class extends Instance {
  constructor(module, imports) {
    super(module, imports);
    if (this.exports.memory) memories.push(this.exports.memory);
  }
};

/** Pages of 64 KiB, of all instances. */
export const wasmPages = () => memories.reduce((sum, memory) => sum + memory.buffer.byteLength / 65_536, 0);
