// Free TCP ports on 127.0.0.1 for listeners that must be known before they are opened (each sidecar's configuration
// names those of the others). They are taken from below the range that the kernel hands to outgoing connections, so
// that none of them is lost to a client between the choice and the listening.

import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

const LOWEST = 10_000;
/** Where the kernel's range begins by default; /proc tells where it was moved. */
const EPHEMERAL_DEFAULT = 32_768;

/** `count` different ports on which nothing listens. Throws after a whole round without success. */
export async function freePorts(count: number): Promise<number[]> {
  const end = Math.max(LOWEST + 2 * count, ephemeralStart());
  const span = end - LOWEST;
  const start = randomInt(span);
  const found: number[] = [];
  for (let i = 0; i < span && found.length < count; i++) {
    const port = LOWEST + ((start + i) % span);
    if (await isFree(port)) found.push(port);
  }
  if (found.length < count) throw new Error(`only ${found.length} of ${count} ports free between ${LOWEST} and ${end}`);
  return found;
}

/** True if a listener could be opened on 127.0.0.1:`port` just now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function ephemeralStart(): number {
  try {
    return (
      Number(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").trim().split(/\s+/)[0]) || EPHEMERAL_DEFAULT
    );
  } catch {
    return EPHEMERAL_DEFAULT;
  }
}
