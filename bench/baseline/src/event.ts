// One request, as the plan records it.
export interface TrafficEvent {
  idempotentId: string;
  timestamp: number;
  path: string;
  clientIpHash: string;
  responseTime: number;
  status: number;
}

export const minuteOf = (event: TrafficEvent): number => event.timestamp - (event.timestamp % 60_000);

export const isError = (event: TrafficEvent): number => Number(event.status >= 500);
