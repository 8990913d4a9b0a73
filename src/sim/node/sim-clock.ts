// A node's own clock: it starts anywhere, runs a little fast or slow, and never goes back. Machines see nothing else.

export interface SimClock {
  /** What the node's clock shows at an instant of virtual time. */
  local(virtualMs: number): number;
  /** When the node's clock will show this. */
  virtual(localMs: number): number;
}

export interface ClockSkew {
  readonly offsetMs: number;
  /** 1.01: one percent fast. */
  readonly rate: number;
}

export function createSimClock({ offsetMs, rate }: ClockSkew): SimClock {
  return {
    local: (virtualMs) => offsetMs + virtualMs * rate,
    virtual: (localMs) => (localMs - offsetMs) / rate,
  };
}
