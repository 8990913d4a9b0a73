// Bounds of the control channel (docs/spec/control-channel.md). Both sides use the same.

/** UDP payload: what IPv6 carries everywhere, headers off. Nothing but padded probes is longer. */
export const datagramBytesMax = 1_232;
/** The longest padded probe: what fits into an Ethernet frame with IPv4. */
export const probeBytesMax = 1_472;
export const certificateBytesMax = 960;
export const capabilitiesMax = 16;
export const probesMax = 32;
export const fingerprintBytes = 32;
export const segmentBytes = 16;
export const nonceBytes = 8;
export const signatureBytes = 64;

/** An IP address as text; of IPv6, link-local ones with their zone. */
export const addressPattern =
  /^(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-f:.]{2,45}(?:%[A-Za-z0-9._-]{1,15})?)$/;
export const capabilityPattern = /^[a-z0-9][a-z0-9.-]{0,31}$/;
