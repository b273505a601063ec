// Connections to one gateway. The last used is taken first, so that those that a stall alone needed fall idle.
import { Connection } from "./connection.mjs";

export class Pool {
  #idle = [];
  #all = new Set();
  #opening = 0;

  /** At most `most` at a time; `onFailure(error)` hears of one that breaks with a request under way. */
  constructor(url, most, onFailure) {
    this.url = new URL(url);
    this.most = most;
    this.onFailure = onFailure;
  }

  get size() {
    return this.#all.size;
  }

  /** Opens one more, if it may. */
  async open() {
    if (this.#opening + this.size >= this.most) return;
    this.#opening += 1;
    const connection = await Connection.open(this.url, this.onFailure).finally(() => (this.#opening -= 1));
    this.#all.add(connection);
    this.#idle.push(connection);
  }

  /** One that is idle, or null. One that the gateway may have closed meanwhile is not given: its request would be lost. */
  take() {
    while (this.#idle.length > 0) {
      const connection = this.#idle.pop();
      if (connection.fresh) return connection;
      connection.close();
      this.#all.delete(connection);
    }
    return null;
  }

  /** Takes one back. */
  give(connection) {
    this.#idle.push(connection);
  }

  close() {
    for (const connection of this.#all) connection.close();
  }
}
