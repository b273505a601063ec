// One keep-alive connection with one request at a time: far cheaper than a client library, so that what is measured is
// the gateway.
import { connect } from "node:net";

const HEAD_END = "\r\n\r\n";

/** Status and length of the response that begins `text`; null while it isn't complete. */
export function parseResponse(text) {
  const headEnd = text.indexOf(HEAD_END);
  if (headEnd < 0) return null;
  const head = text.slice(0, headEnd).toLowerCase();
  const status = Number(head.slice(9, 12));
  const bodyStart = headEnd + HEAD_END.length;
  const length = /\r\ncontent-length: *(\d+)/.exec(head);
  if (length) {
    const end = bodyStart + Number(length[1]);
    return text.length >= end ? { status, end } : null;
  }
  if (!head.includes("\r\ntransfer-encoding: chunked")) throw new Error(`a response without length: ${head}`);
  const last = text.indexOf("0\r\n\r\n", bodyStart);
  return last < 0 ? null : { status, end: last + 5 };
}

/** The runtime's HTTP server closes a connection that was idle for 5 s (its pipeline timeout), and says nothing. */
const FRESH_MS = 3_000;

export class Connection {
  #received = "";
  #done = null;
  #usedAt = performance.now();

  /** `onFailure(error)` hears of a connection that breaks; what it had under way is not answered. */
  static async open(url, onFailure) {
    const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new Connection(socket, onFailure);
  }

  constructor(socket, onFailure) {
    this.socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text) => this.#take(text));
    socket.on("error", onFailure);
    socket.on("close", () => this.#done && onFailure(new Error("the gateway closed a connection with a request")));
  }

  /** Whether the gateway surely still listens. */
  get fresh() {
    return !this.socket.destroyed && performance.now() - this.#usedAt < FRESH_MS;
  }

  /** Sends a request; `done(status)` is called when its response is complete. */
  send(wire, done) {
    this.#done = done;
    this.socket.write(wire, "latin1");
  }

  close() {
    this.socket.destroy();
  }

  #take(text) {
    this.#received += text;
    const response = parseResponse(this.#received);
    if (!response) return;
    if (response.end !== this.#received.length) throw new Error("more than one response to one request");
    this.#received = "";
    const done = this.#done;
    this.#done = null;
    this.#usedAt = performance.now();
    done(response.status);
  }
}
