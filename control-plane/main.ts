// The process: reads the environment, starts the control plane on the real ports, stops it on SIGTERM or SIGINT. Exit
// codes: 0 stopped as asked, 1 could not start, lost its disk, or did not stop in time, 2 configuration refused. Logs
// JSON lines to stdout. `main.ts verify` verifies the audit trail instead (verify.ts).

import { pino } from "pino";
import { type Config, parseConfig } from "./config.ts";
import { ConfigError } from "./config-keys.ts";
import { createLog, errorFields, type Log } from "./log.ts";
import { type ControlPlane, startControlPlane } from "./plane.ts";
import type { Ports } from "./ports/ports.ts";
import { systemPorts } from "./ports/system.ts";
import { VERIFY_CODES, verifyStore } from "./verify.ts";

const STOP_MS = 10_000;

async function main(): Promise<void> {
  const ports = systemPorts();
  // Synchronous: the last line before an exit must be there.
  const destination = pino.destination({ dest: 1, sync: true });
  // Who reads the log may go away; the sidecars are still served.
  destination.on("error", () => undefined);
  const config = readConfig(ports, createLog("info", ports.clock, destination));
  if (config === undefined) return;
  const log = createLog(config.logLevel, ports.clock, destination);
  try {
    const plane = await startControlPlane(config, ports, log);
    stopOnRequest(plane, ports, log);
    log.info("started", { mesh: config.mesh, epoch: plane.epoch, detail: JSON.stringify(plane.addresses) });
  } catch (error) {
    log.error("cannot start", errorFields(error));
    ports.exit.exit(1);
  }
}

function readConfig(ports: Ports, log: Log): Config | undefined {
  try {
    return parseConfig((name) => process.env[name], Object.keys(process.env));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const fault of error.message.split("\n")) log.error("configuration refused", { detail: fault });
    ports.exit.exit(2);
    return undefined;
  }
}

function stopOnRequest(plane: ControlPlane, { clock, exit }: Ports, log: Log): void {
  let asked = false;
  exit.onStopRequest((signal) => {
    if (asked) exit.exit(1);
    asked = true;
    log.info("stopping", { signal });
    const late = clock.sleep(STOP_MS).then(() => {
      log.error("did not stop in time", { durationMs: STOP_MS });
      exit.exit(1);
    });
    const stopped = plane.stop().then(
      () => {
        log.info("stopped");
        exit.exit(0);
      },
      (error: unknown) => {
        log.error("stopping failed", errorFields(error));
        exit.exit(1);
      },
    );
    void Promise.race([stopped, late]);
  });
}

async function verify(args: readonly string[]): Promise<void> {
  try {
    const { code, line } = await verifyStore((name) => process.env[name], args);
    process.stdout.write(`${line}\n`);
    process.exitCode = code;
  } catch (error) {
    process.stdout.write(`audit: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof ConfigError ? VERIFY_CODES.usage : VERIFY_CODES.unreadable;
  }
}

const [command, ...args] = process.argv.slice(2);
if (command === "verify") await verify(args);
else if (command === undefined) await main();
else {
  process.stdout.write(`${command}: no such command; there is verify, or none\n`);
  process.exitCode = 2;
}
