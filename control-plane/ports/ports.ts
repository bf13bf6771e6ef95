// Everything nondeterministic that the control plane uses, in one place: a test, or a simulator, passes its own.

import type { Clock } from "./clock.ts";
import type { Exit } from "./exit.ts";
import type { Files } from "./files.ts";
import type { Https } from "./https.ts";
import type { Random } from "./random.ts";
import type { Runtime } from "./runtime.ts";

export interface Ports {
  clock: Clock;
  random: Random;
  files: Files;
  https: Https;
  exit: Exit;
  runtime: Runtime;
}
