import type { PathCollector } from "./path_collector";
import type { TrafficEvent } from "./event";

export interface Env {
  FLAGS: KVNamespace;
  DB: D1Database;
  PATH_COLLECTOR: DurableObjectNamespace<PathCollector>;
  TRAFFIC_QUEUE: Queue<TrafficEvent>;
  UPSTREAM: Fetcher;
}
