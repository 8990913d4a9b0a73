// `host:port` as configuration spells it: `127.0.0.1:8080`, `[::1]:0`, `web-1.example:80`.

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const pattern = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)):(\d{1,5})$/;

/** Undefined when the text is not an address to listen on. Port 0 lets the system choose. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, address, name, digits = ''] = pattern.exec(text) ?? [];
  const host = address ?? name;
  const port = Number(digits);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

/** The authority part of a URL for an address, with brackets where IPv6 needs them. */
export function urlAuthority({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
