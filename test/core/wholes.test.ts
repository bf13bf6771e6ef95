// The reference, the SIMD build and the scalar build make the same of whole requests: segments, levels, excesses,
// scores and reasons, under bodies that know two names and two routes in three. fast-check shrinks what disagrees.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EXCESS_MAX } from "../../filter/core/limits.ts";
import { levelOf } from "../reference/attack.ts";
import { toBytes } from "../reference/bytes.ts";
import { type Body, type Scored, type WholeScore, wholeScore } from "../reference/contexts.ts";
import { extract } from "../reference/features.ts";
import { contextKey, type Header, type Segments, segmentsOf } from "../reference/request-segments.ts";
import { routeKey, routeOf } from "../reference/route.ts";
import { splitTarget } from "../reference/target.ts";
import { Core } from "../support/core.ts";
import { measureByCore, type SegmentRow, wholeByCore } from "../support/core-wholes.ts";
import { bodyWithHeads, headers as drawHeaders, testContexts, testTable } from "../support/heads.ts";
import { testModels } from "../support/models.ts";
import { Prng } from "../support/prng.ts";
import { longTarget, method, shortTarget } from "../support/requests.ts";
import { attackTable, model } from "../support/sections.ts";

const BUILDS = { core: new Core("core"), "core-scalar": new Core("core-scalar") };
const BODIES = 6;
const RUNS = 2000;
const KEY = new Prng(3).bytes(16);
const TABLE = testTable(new Prng(31));
const SENT_TABLE = attackTable(TABLE.weights, TABLE.bias);

interface Request {
  method: string;
  target: string;
  headers: readonly Header[];
}

const UNITS = [
  ..."//??&&==%%25uU00+.;:#-*'\"`<>()[]{}$|\\!^~_, aAzZ09fF@\0\t\n\x0b\x7f\x80\xbf\xc3\xa9\xff",
  "%27",
  "%2527",
  "%u0027",
  "%25u0027",
  "select",
  ` ${"q".repeat(20)}:`,
  ` ${"Q".repeat(21)}:`,
  "&id=",
  "&page",
  "x".repeat(130),
];
const text = fc.array(fc.constantFrom(...UNITS), { maxLength: 40 }).map((units) => units.join(""));
const drawnTarget = fc.nat().map((seed) => (seed % 20 === 0 ? longTarget : shortTarget)(new Prng(seed)));
const target = fc.oneof(
  drawnTarget,
  text.map((one) => `/${one}`),
);
const name = fc.oneof(fc.constantFrom("cookie", "user-agent", "host", "b3", "x-b3-a", "x-envoy-b", "", "Host"), text);
const value = fc.oneof(text, drawnTarget);
const drawnHeaders = fc.nat().map((seed) => drawHeaders(new Prng(seed)));
const headers = fc.oneof(fc.array(fc.tuple(name, value), { maxLength: 4 }), drawnHeaders);
const methods = fc.nat().map((seed) => method(new Prng(seed)));
const request: fc.Arbitrary<Request> = fc.record({ method: methods, target, headers });

function scoredOf({ method, target, headers }: Request): Scored & { routeKey: bigint } {
  const split = splitTarget(target);
  const routed = { routeKey: routeKey(KEY, routeOf(method, target, false)) };
  return { target: split, extraction: extract(target), segments: segmentsOf(split, headers), ...routed };
}

/** Bodies with contexts of names and with routes that the generator draws. */
function bodies(): Body[] {
  const prng = new Prng(88);
  const drawn = Array.from({ length: 40 }, () => ({
    method: method(prng),
    target: shortTarget(prng),
    headers: drawHeaders(prng),
  }));
  const scored = drawn.map(scoredOf);
  const segments = scored.flatMap((one) => one.segments.list);
  const keys = scored.map((one) => one.routeKey);
  return testModels(71, BODIES).map((one, i) => ({
    ...one,
    scale: i % 2 === 0 ? one.scale.map((scale) => scale % 64) : one.scale,
    ...testContexts(prng, segments, KEY, keys),
  }));
}

function rowsOf({ list }: Segments): SegmentRow[] {
  return list.map((one) => ({
    kind: one.kind,
    index: one.index,
    key: contextKey(KEY, one),
    length: one.length,
    classes: one.classes,
    level: one.text === "" ? null : levelOf(TABLE, one.text),
  }));
}

/** How often the rarer cases came; without them the agreement would say little. */
const met = {
  attack: 0,
  newName: 0,
  newCharacters: 0,
  unusualLength: 0,
  newRoute: 0,
  distance: 0,
  highest: 0,
  header: 0,
  beyond: 0,
};

function remember(whole: WholeScore, { beyond }: Segments): void {
  const { feature, kind } = whole.reason;
  met.attack += Number(feature === 32);
  met.newName += Number(feature === 33);
  met.newCharacters += Number(feature === 34);
  met.unusualLength += Number(feature === 35);
  met.newRoute += Number(feature === 36);
  met.distance += Number(feature < 32);
  met.highest += Number(whole.attack === EXCESS_MAX);
  met.header += Number(kind === 3);
  met.beyond += Number(beyond);
}

for (const [i, body] of bodies().entries()) {
  test(`whole requests are cut into segments, scored and explained alike under body ${i}`, () => {
    const section = model(bodyWithHeads(body, SENT_TABLE.tableId), undefined, SENT_TABLE);
    for (const core of Object.values(BUILDS)) assert.is(core.checkSection("model", section), null);
    const agree = fc.property(request, (asked) => {
      const scored = scoredOf(asked);
      const rows = rowsOf(scored.segments);
      const whole = wholeScore(body, TABLE, scored, KEY);
      remember(whole, scored.segments);
      const headers = asked.headers.map(([name, value]) => [toBytes(name), toBytes(value)] as const);
      const sent = { target: toBytes(asked.target), headers, routeKey: scored.routeKey };
      for (const [build, core] of Object.entries(BUILDS)) {
        const found = measureByCore(core, sent, KEY);
        assert.equal(found, { rows, beyond: scored.segments.beyond }, build);
        assert.equal(wholeByCore(core, sent), whole, build);
      }
    });
    fc.assert(agree, { seed: 100 + i, numRuns: RUNS });
  });
}

test("the requests drawn met every head and every rare case often", () => {
  for (const [name, times] of Object.entries(met)) assert.ok(times >= 50, `${name}: ${times}`);
});

test.run();
