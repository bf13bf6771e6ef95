// The real ports.

import { SystemExit } from "./exit.ts";
import { SystemFiles } from "./files.ts";
import { SystemHttps } from "./https.ts";
import type { Ports } from "./ports.ts";
import { SystemRandom } from "./random.ts";
import { SystemRuntime } from "./runtime.ts";
import { SystemClock } from "./system-clock.ts";

export function systemPorts(): Ports {
  return {
    clock: new SystemClock(),
    random: new SystemRandom(),
    files: new SystemFiles(),
    https: new SystemHttps(),
    exit: new SystemExit(),
    runtime: new SystemRuntime(),
  };
}
