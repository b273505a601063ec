// The plan's idempotent ID: `{timestamp}-{hash8}`, from SHA-256 over "{clientIP}:{path}:{requestId}".
const encoder = new TextEncoder();
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** The first `bytes` bytes of a text's SHA-256, in hexadecimal. */
export async function sha256(text: string, bytes: number): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)), 0, bytes);
  let hex = "";
  for (const byte of hash) hex += HEX[byte];
  return hex;
}

export async function generate(timestamp: number, ip: string, path: string, requestId: string): Promise<string> {
  return `${timestamp}-${await sha256(`${ip}:${path}:${requestId}`, 4)}`;
}
