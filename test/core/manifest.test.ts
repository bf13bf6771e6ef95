// Manifests: taken if they are for the node, follow what it holds, name the three sections and are true of their
// contents; each refusal of the law's table under its name; damage is read as the reference reads it.

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ManifestSchema, SectionKind } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { toBytes } from "../reference/bytes.ts";
import { featureHash } from "../reference/features.ts";
import { checkContents, checkManifest, type Node, sha256 } from "../reference/manifest.ts";
import { Refusal } from "../reference/protobuf.ts";
import { Core } from "../support/core.ts";
import { model, modelBody, rule, rules, settings } from "../support/sections.ts";

const BUILDS = [new Core("core"), new Core("core-scalar")];
const CONTENTS = [settings(), model(modelBody()), rules(rule())];
const KINDS = [SectionKind.SETTINGS, SectionKind.MODEL, SectionKind.RULES];
const refs = CONTENTS.map((content, i) => ({ kind: KINDS[i]!, digest: sha256(content), size: content.length }));
const [settingsRef, modelRef, rulesRef] = refs as [(typeof refs)[0], (typeof refs)[0], (typeof refs)[0]];

type Changes = MessageInitShape<typeof ManifestSchema>;

function manifest(changes: Changes = {}): Uint8Array {
  const good = {
    mesh: "mesh-1",
    target: "shop/cart",
    epoch: 3n,
    version: 7n,
    sections: refs,
    featureHash: featureHash(),
  };
  return toBinary(ManifestSchema, create(ManifestSchema, { ...good, ...changes }));
}

const NEW: Node = { mesh: "mesh-1", target: "shop/cart", epoch: 0n, version: 0n, digest: new Uint8Array(0) };
const holding = (epoch: bigint, version: bigint, digest = sha256(manifest())): Node => ({
  ...NEW,
  epoch,
  version,
  digest,
});
type Contents = readonly (Uint8Array | undefined)[];

/** The field that the reference refuses; null if it takes the whole. */
function byReference(content: Uint8Array, node: Node, contents: Contents): string | null {
  try {
    checkContents(checkManifest(content, node), contents);
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error.field;
    throw error;
  }
}

/** The same by the core, asked in the order of the law's table. */
function byCore(core: Core, content: Uint8Array, node: Node, contents: Contents): string | null {
  const texts = [toBytes(node.mesh), toBytes(node.target)];
  const parts = [content, ...texts, sha256(content), node.digest, ...contents.map((one) => one ?? new Uint8Array(0))];
  const [, mesh, target, digest, held, ...sections] = core.put(...parts);
  const heldDigest = node.digest.length === 0 ? 0 : held!;
  const isTaken =
    core.number("checkManifest", content.length) &&
    core.number("manifestIsFor", mesh!, texts[0]!.length, target!, texts[1]!.length) &&
    core.number("manifestFollows", digest!, node.epoch, node.version, heldDigest) &&
    core.number("manifestFits") &&
    contents.every((one, i) =>
      core.number("manifestNames", i + 1, one === undefined ? 0 : sections[i]!, one?.length ?? 0),
    );
  return isTaken ? null : core.refusal().field;
}

function agreed(content: Uint8Array, node: Node, contents: Contents, name: string): string | null {
  const expected = byReference(content, node, contents);
  for (const core of BUILDS) assert.is(byCore(core, content, node, contents), expected, name);
  return expected;
}

const HELD: [name: string, node: Node][] = [
  ["the first one", NEW],
  ["a later version", holding(3n, 6n)],
  ["a later epoch with a lower version", holding(2n, 900n)],
  ["the one held", holding(3n, 7n)],
];

for (const [name, node] of HELD) {
  test(`${name} is taken`, () => assert.is(agreed(manifest(), node, CONTENTS, name), null));
}

test("epochs and versions are compared as unsigned numbers of 64 bits", () => {
  const highest = manifest({ epoch: 2n ** 64n - 1n, version: 2n ** 63n });
  assert.is(agreed(highest, holding(2n ** 63n - 1n, 1n), CONTENTS, "epoch"), null);
  assert.is(agreed(manifest(), holding(2n ** 63n, 1n), CONTENTS, "epoch"), "manifest.version");
  assert.is(agreed(manifest(), holding(3n, 2n ** 63n), CONTENTS, "version"), "manifest.version");
});

const other = Uint8Array.from(CONTENTS[1]!, (byte, i) => (i === 100 ? byte ^ 1 : byte));
const REFUSED: [field: string, name: string, content: Uint8Array, node?: Node, contents?: Contents][] = [
  ["manifest", "a truncated one", manifest().subarray(0, -1)],
  ["manifest", "a group", Uint8Array.from([...manifest(), 0x3b, 0x3c])],
  ["manifest.mesh", "another mesh", manifest({ mesh: "mesh-2" })],
  ["manifest.mesh", "a longer mesh", manifest({ mesh: "mesh-11" })],
  ["manifest.mesh", "no mesh", manifest({ mesh: "" })],
  ["manifest.target", "another target", manifest({ target: "shop/card" })],
  ["manifest.version", "an older version", manifest(), holding(3n, 8n)],
  ["manifest.version", "an older epoch", manifest(), holding(4n, 1n)],
  ["manifest.version", "the version held with another content", manifest(), holding(3n, 7n, new Uint8Array(32))],
  ["manifest.feature_hash", "other features", manifest({ featureHash: featureHash() ^ 1n })],
  ["manifest.sections", "no section", manifest({ sections: [] })],
  ["manifest.sections", "two sections", manifest({ sections: [settingsRef, modelRef] })],
  ["manifest.sections", "four sections", manifest({ sections: [...refs, rulesRef] })],
  ["manifest.sections", "a section twice", manifest({ sections: [settingsRef, modelRef, modelRef] })],
  ["manifest.sections", "another order", manifest({ sections: [modelRef, settingsRef, rulesRef] })],
  ["manifest.digest", "another model", manifest(), NEW, [CONTENTS[0], other, CONTENTS[2]]],
  [
    "manifest.digest",
    "a longer model",
    manifest(),
    NEW,
    [CONTENTS[0], Uint8Array.from([...CONTENTS[1]!, 0]), CONTENTS[2]],
  ],
  ["manifest.digest", "a missing section", manifest(), NEW, [CONTENTS[0], CONTENTS[1], undefined]],
  ["manifest.digest", "another size", manifest({ sections: [{ ...settingsRef, size: 1 }, modelRef, rulesRef] })],
  [
    "manifest.digest",
    "a short digest",
    manifest({ sections: [{ ...settingsRef, digest: settingsRef.digest.subarray(1) }, modelRef, rulesRef] }),
  ],
];

for (const [field, name, content, node = NEW, contents = CONTENTS] of REFUSED) {
  test(`${name} is refused as ${field}`, () => assert.is(agreed(content, node, contents, name), field));
}

test("a manifest cut off at any byte or with any bit flipped is read as the reference reads it", () => {
  const good = manifest();
  for (let length = 0; length < good.length; length++) {
    assert.is.not(agreed(good.subarray(0, length), NEW, CONTENTS, `cut at ${length}`), null);
  }
  for (let bit = 0; bit < 8 * good.length; bit++) {
    const flipped = Uint8Array.from(good);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    agreed(flipped, NEW, CONTENTS, `bit ${bit}`);
  }
});

test.run();
