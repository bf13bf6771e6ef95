// The golden files pin the law: they are what the reference computes, and both builds of the core compute the same of
// them.

import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as limits from "../../filter/core/limits.ts";
import { fileOf, formatCases, readCases } from "../golden/files.ts";
import { GOLDEN_KEY, goldenSection } from "../golden/heads.ts";
import type { GoldenRequest } from "../golden/requests.ts";
import { NOW_MS, RULES_SECTION } from "../golden/rules.ts";
import { hex64, VECTORS } from "../golden/vectors.ts";
import { fnv1a } from "../reference/attack.ts";
import { fromBytes, toBytes } from "../reference/bytes.ts";
import { sipHash, sipHash13 } from "../reference/siphash.ts";
import { Core } from "../support/core.ts";
import { measureByCore, type SentRequest, wholeByCore } from "../support/core-wholes.ts";
import { model, modelBody } from "../support/sections.ts";

const BUILDS = { core: new Core("core"), "core-scalar": new Core("core-scalar") };
const COUNTING_KEY = Uint8Array.from({ length: 16 }, (_, i) => i);
const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const counting = (length: number) => Uint8Array.from({ length }, (_, i) => i);

/** A golden request as bytes. */
function sent({ target, headers, routeKey }: GoldenRequest & { routeKey: string }): SentRequest {
  const list = headers.map(([name, value]) => [toBytes(name), toBytes(value)] as const);
  return { target: toBytes(target), headers: list, routeKey: BigInt(`0x${routeKey}`) };
}

for (const [stem, cases] of Object.entries(VECTORS)) {
  test(`${stem}.json is what the reference computes`, () => {
    assert.is(readFileSync(fileOf(stem), "utf8"), formatCases(cases()));
  });
}

for (const [build, core] of Object.entries(BUILDS)) {
  test(`${build} measures the golden targets`, () => {
    const cases = readCases("extraction");
    assert.ok(cases.length >= 300);
    for (const { target, first, second, scanned } of cases) {
      const found = core.extract(toBytes(target));
      assert.equal([...found.bins], first, target);
      assert.equal(found.second && [...found.second], second, target);
      assert.is(found.cut, scanned, target);
    }
  });

  test(`${build} computes the golden bins, logarithms and buckets`, () => {
    const exports = { bin: "bin", log2: "log2", bucket: "bucketOf", edge: "bucketLow" };
    for (const { of, argument, result } of readCases("numbers")) {
      assert.is(core.number(exports[of], argument | 0), result, `${of}(${argument})`);
    }
  });

  test(`${build} scores and explains the golden targets under the golden models`, () => {
    const cases = readCases("scores");
    for (const [index, blobs] of readCases("models").entries()) {
      const [mean, factor, scale, clip] = [blobs.mean, blobs.factor, blobs.scale, blobs.clip].map(bytesOf);
      const body = modelBody({ mean: mean!, factor: factor!, scale: scale!, clip: clip! });
      assert.is(core.checkSection("model", model(body)), null);
      assert.is(hex64(core.word("modelId", core.constant("CURRENT"))), blobs.modelId);
      for (const { target, model: asked, ...expected } of cases.filter((one) => one.model === index)) {
        const { bins, second } = core.extract(toBytes(target));
        assert.is(core.score(expected.times === 1 ? bins : second!), expected.score, `${target} under ${asked}`);
        const top = core.topFeature();
        const contributions = core.contributions().map(String);
        const { kind, index: at, name } = core.locate(toBytes(target), top.feature, expected.times === 2);
        const found = {
          score: expected.score,
          times: expected.times,
          contributions,
          ...top,
          kind,
          index: at,
          name: fromBytes(name),
        };
        assert.equal(found, expected, target);
      }
    }
  });

  test(`${build} makes the golden routes and their keys`, () => {
    for (const { method, target, grpc, route, key, group } of readCases("routes")) {
      const found = core.route(toBytes(method), toBytes(target), grpc);
      assert.is(fromBytes(found), route, target);
      assert.is(hex64(core.keyOf(COUNTING_KEY, found)), key, target);
      assert.is(core.number("callerGroup", core.keyOf(COUNTING_KEY, found)), group);
    }
  });

  test(`${build} computes the golden hashes, in one part or in two`, () => {
    for (const { key, message, hash } of readCases("hashes")) {
      const [keyBytes, text] = [bytesOf(key), bytesOf(message)];
      assert.is(hex64(core.sipHash(keyBytes, text)), hash);
      const cut = Math.floor(text.length / 3);
      assert.is(hex64(core.keyOfPair(keyBytes, text.subarray(0, cut), text.subarray(cut))), hash);
    }
  });

  test(`${build} has the golden list of features`, () => {
    const [{ names, hash }] = readCases("features") as [ReturnType<typeof VECTORS.features>[0]];
    assert.is(core.featureLines(), names.map((name, id) => `${id} ${name}\n`).join(""));
    assert.is(hex64(core.word("featureHash")), hash);
  });

  test(`${build} decides by the golden rules`, () => {
    assert.is(core.loadRules(RULES_SECTION, { serverNowMs: NOW_MS }), null);
    for (const { decidedBy, action, ...request } of readCases("rules")) {
      const [caller, method, route] = [toBytes(request.caller), toBytes(request.method), toBytes(request.route)];
      const query = { caller, method, route, callerGroup: request.callerGroup, score: request.score, monotonicNs: 0n };
      assert.is(String(core.matchRules(query)), decidedBy, JSON.stringify({ ...request, action }));
    }
  });
}

for (const [build, core] of Object.entries(BUILDS)) {
  test(`${build} finds the golden levels of texts`, () => {
    assert.is(core.checkSection("model", goldenSection(0)), null);
    const out = core.constant("OUTPUT");
    for (const { text, features, level, bin } of readCases("levels")) {
      core.put(toBytes(text));
      const found = new Uint16Array(core.bytes(out, 2 * core.number("attackFeatures", text.length, out)).buffer);
      assert.equal(
        [...found].sort((a, b) => a - b),
        features,
        text,
      );
      core.put(toBytes(text));
      assert.is(core.call("attackLevel", text.length), level, text);
      assert.is(core.number("levelBin", level), bin, text);
    }
  });

  test(`${build} cuts the golden requests into segments`, () => {
    assert.is(core.checkSection("model", goldenSection(0)), null);
    for (const { target, headers, segments, beyond, routeKey } of readCases("segments")) {
      const rows = segments.map(([kind, index, , , length, classes, key, level]) => {
        return { kind, index, key: BigInt(`0x${key}`), length, classes, level };
      });
      assert.equal(measureByCore(core, sent({ target, headers, routeKey }), GOLDEN_KEY), { rows, beyond }, target);
    }
  });

  test(`${build} scores and explains the golden requests by all heads`, () => {
    const requests = readCases("segments");
    for (const [index, { modelId, structureBase }] of readCases("bodies").entries()) {
      assert.is(core.checkSection("model", goldenSection(index)), null);
      assert.is(hex64(core.word("modelId", core.constant("CURRENT"))), modelId);
      assert.is(core.number("modelStructureBase", core.constant("CURRENT")), structureBase);
      for (const { request, body, ...expected } of readCases("wholes").filter((one) => one.body === index)) {
        const asked = sent(requests[request]!);
        measureByCore(core, asked, GOLDEN_KEY);
        assert.equal(wholeByCore(core, asked), expected, `${requests[request]!.target} under ${body}`);
      }
    }
  });
}

test("the golden whole scores tell every head, and of structure every sign", () => {
  const told = new Set(readCases("wholes").map(({ reason }) => Math.max(31, reason.feature)));
  assert.equal(
    [...told].sort((a, b) => a - b),
    [31, 32, 33, 34, 35, 36],
  );
  assert.ok(readCases("segments").some(({ routeKey }) => routeKey === hex64(0n)));
});

test("every bound of limits.ts is exported under its name", () => {
  for (const core of Object.values(BUILDS)) {
    for (const [name, value] of Object.entries(limits)) assert.is(core.constant(name), value, name);
  }
});

/** Of SipHash-1-3 under the key of bytes 0 to 15, of the message of bytes 0, 1, 2 ... of a length; little-endian. */
const PUBLISHED: [length: number, hash: string][] = [
  [0, "dcc40f055801acab"],
  [1, "93ca577df39bf4c9"],
  [7, "4011b19b987d92d3"],
  [8, "8e9a298d11959036"],
  [15, "5699512a6dd820d3"],
  [16, "668b907d1add4fcc"],
  [33, "bff98f7ae5b9544d"],
  [63, "a8b3bbb76290199d"],
];

test("SipHash-1-3 gives the published values", () => {
  for (const [length, hash] of PUBLISHED) {
    const expected = bytesOf(hash).toReversed();
    assert.is(hex64(sipHash13(COUNTING_KEY, counting(length))), Buffer.from(expected).toString("hex"));
    for (const core of Object.values(BUILDS)) {
      assert.is(core.sipHash(COUNTING_KEY, counting(length)), sipHash13(COUNTING_KEY, counting(length)));
    }
  }
});

test("the reference's SipHash gives the example of the paper for 2 and 4 rounds", () => {
  assert.is(hex64(sipHash(2, 4, COUNTING_KEY, counting(15))), "a129ca6149be45e5");
});

test("the reference's FNV-1a gives the published values", () => {
  assert.is(fnv1a("") >>> 0, 0x811c9dc5);
  assert.is(fnv1a("a") >>> 0, 0xe40c292c);
  assert.is(fnv1a("foobar") >>> 0, 0xbf9cf968);
});

test.run();
