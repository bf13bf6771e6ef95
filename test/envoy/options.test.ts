// The command line of npm start.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { HELP, OptionError, parseOptions } from "../../envoy/demo/options.ts";

test("without options it is the shop, on one worker, in words", () => {
  assert.equal(parseOptions([]), { port: 0, concurrency: 1, json: false, seed: 1, help: false });
});

test("values follow their option, or an equals sign", () => {
  const options = parseOptions([
    "--upstream",
    "http://localhost:3000",
    "--port=8080",
    "--concurrency",
    "2",
    "--json",
    "--data=d",
  ]);
  assert.equal(options.upstream, { host: "localhost", port: 3000, tls: false });
  assert.is(options.port, 8080);
  assert.is(options.concurrency, 2);
  assert.is(options.json, true);
  assert.is(options.data, "d");
});

test("an upstream's port follows from its scheme", () => {
  assert.equal(parseOptions(["--upstream", "https://api.example"]).upstream, {
    host: "api.example",
    port: 443,
    tls: true,
  });
  assert.equal(parseOptions(["--upstream", "http://[::1]:8080/"]).upstream, { host: "::1", port: 8080, tls: false });
});

const faults: [string[], RegExp][] = [
  [["--colour"], /^--colour: unknown option/],
  [["upstream"], /^upstream: unknown option/],
  [["--upstream"], /^--upstream: a value must follow/],
  [["--upstream", "ftp://x"], /^--upstream: "ftp:\/\/x" is not an http/],
  [["--upstream", "localhost:3000"], /^--upstream: "localhost:3000" is not an http/],
  [["--upstream", "http://x/path"], /^--upstream: .* more than scheme, host and port/],
  [["--upstream", "http://me:secret@x"], /^--upstream: .* more than scheme, host and port/],
  [["--port", "8080"], /^--port: only with --upstream/],
  [["--upstream", "http://x", "--port", "65536"], /^--port: "65536" is not an integer from 1 to 65535/],
  [["--upstream", "http://x", "--seed", "2"], /^--seed: not with --upstream/],
  [["--concurrency", "0"], /^--concurrency: "0" is not an integer from 1 to 64/],
  [["--concurrency", "two"], /^--concurrency: "two" is not an integer from 1 to 64/],
  [["--json=yes"], /^--json: takes no value, got "yes"/],
  [["--seed", "1", "--seed", "2"], /^--seed: given twice/],
];
for (const [args, message] of faults) {
  test(`${args.join(" ")} is an error that names the option`, () => {
    assert.throws(
      () => parseOptions(args),
      (error: Error) => error instanceof OptionError && message.test(error.message),
    );
  });
}

test("the help explains every option", () => {
  for (const name of ["upstream", "port", "concurrency", "data", "seed", "json", "help"])
    assert.match(HELP, `--${name}`);
});

test.run();
