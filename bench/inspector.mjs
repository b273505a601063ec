// The runtime's inspector: how much an isolate's heap holds.

/** Connects to the isolate of a Worker by its name. */
export async function inspect(port, worker) {
  const targets = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const target = targets.find(({ id, title }) => `${id} ${title}`.includes(worker));
  if (!target) throw new Error(`no isolate of ${worker} among ${targets.map(({ id }) => id)}`);
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("error", () => reject(new Error("the inspector refused the connection")), { once: true });
  });
  return new Inspector(socket);
}

class Inspector {
  #last = 0;
  #waiting = new Map();

  constructor(socket) {
    this.socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const { id, result, error } = JSON.parse(data);
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) waiting?.reject(new Error(error.message));
      else waiting?.resolve(result);
    });
  }

  call(method, params = {}) {
    const id = ++this.#last;
    this.socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** Bytes of what lives on the heap: garbage is collected first. */
  async liveHeapBytes() {
    await this.call("HeapProfiler.collectGarbage");
    return (await this.call("Runtime.getHeapUsage")).usedSize;
  }

  close() {
    this.socket.close();
  }
}
