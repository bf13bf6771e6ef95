// `npm start`. Reads the options, runs one of the two demos, and sees to it that nothing is left behind: Ctrl-C,
// SIGTERM, a closed terminal or pipe, or an error end everything that was started.

import { Lifetime } from "../lifetime.ts";
import { JsonReporter, type Reporter } from "./events.ts";
import { HELP, type Options, parseOptions } from "./options.ts";
import { runShop } from "./shop-demo.ts";
import { TerminalReporter } from "./terminal.ts";
import { runUpstream } from "./upstream-demo.ts";

const USAGE_ERROR = 2;

function main(args: string[]): void {
  let options: Options;
  try {
    options = parseOptions(args);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = USAGE_ERROR;
    return;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const reporter = reporterFor(options);
  const lifetime = new Lifetime((message) => reporter.tell({ event: "failed", message }));
  lifetime.onStop("report", () => reporter.tell({ event: "stopped" }));
  lifetime.endWithProcess();
  process.stdout.on("error", () => lifetime.fail(new Error("stdout is closed")));
  const run = options.upstream ? runUpstream : runShop;
  run(options, reporter, lifetime).catch((error: Error) => {
    // What fails because the end has begun is no failure.
    if (!lifetime.signal.aborted) lifetime.fail(error.message);
  });
}

function reporterFor({ json }: Options): Reporter {
  const write = (text: string) => process.stdout.write(text);
  if (json) return new JsonReporter(write);
  const { stdout } = process;
  return new TerminalReporter({
    write,
    columns: () => (stdout.isTTY ? stdout.columns || 80 : 0),
    color: stdout.isTTY && process.env.NO_COLOR === undefined,
  });
}

main(process.argv.slice(2));
