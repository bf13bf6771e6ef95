// Guards the quality of the detector: a made sample through the whole replay (compiled filter, control plane, shipped
// prior and attack table) stays within bounds, and leaves them when a head is turned off or labels are shuffled.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HEADS } from "../../bench/quality/heads.ts";
import { PriorBook } from "../../bench/quality/priors.ts";
import type { Result } from "../../bench/quality/report.ts";
import { type Run, runSet } from "../../bench/quality/run.ts";
import type { QualitySet } from "../../bench/quality/set.ts";
import { shuffled } from "../../bench/quality/shuffle.ts";
import { loadCore } from "../../control-plane/core.ts";
import { Prng } from "../support/prng.ts";
import { guardSet } from "./guard-set.ts";

const core = loadCore();
const { shipped } = new PriorBook(core);
const priors = { kind: "shipped", of: () => shipped };
const set = guardSet(17);

function run(of: QualitySet, more: Partial<Parameters<typeof runSet>[1]> = {}): Promise<Run> {
  return runSet(of, { core, priors, seconds: () => 0, ...more });
}

/** What holds on the whole sample, by name; those that a result breaks. */
function broken({ auc, t1, thr1, deny, byKind, byPosition, reasonHit }: Result): string[] {
  const at1 = (kind: string) => byKind[kind]?.t1 ?? 0;
  const bounds: Record<string, boolean> = {
    auc: auc >= 0.98,
    t1: t1 >= 0.84,
    "t1 of injections": at1("injection") >= 0.95,
    "t1 of tampering": at1("tampering") >= 0.55,
    "auc of tampering": (byKind.tampering?.auc ?? 0) >= 0.97,
    "t1 of evasion": at1("evasion") >= 0.97,
    "t1 in headers": (byPosition.header?.t1 ?? 0) >= 0.9,
    "false alarms at thr1": thr1.fpr <= 0.01,
    "detection at thr1": thr1.tpr >= 0.26,
    "normal requests denied": deny.denied === 0,
    "attacks denied": deny.tpr >= 0.04,
    "reason hit": (reasonHit ?? 0) >= 0.97,
  };
  return Object.keys(bounds).filter((name) => !bounds[name]);
}

const test = suite<{ run: Run }>("quality guard");

test.before(async (context) => {
  context.run = await run(set);
});

test("the made sample is told apart within the bounds", ({ run: { result, unjudged } }) => {
  assert.is(unjudged, 0);
  assert.equal([result.learn, result.normals, result.attacks], [900, 600, 216]);
  assert.equal(broken(result), [], JSON.stringify(result));
});

/** What is lost without a head. */
const NEEDED = { content: "t1 of evasion", attack: "t1 of injections", structure: "t1 of tampering" } as const;

for (const head of HEADS) {
  test(`without the ${head} head what it alone sees is lost`, async () => {
    const { result } = await run(set, { without: head });
    const names = broken(result);
    for (const name of [NEEDED[head], "auc"])
      assert.ok(names.includes(name), `${name} holds: ${JSON.stringify(result)}`);
  });
}

test("shuffled labels break nearly every bound", async () => {
  const rows = [...set.labels.keys()].filter((row) => set.labels[row]!.phase === "test");
  const mixed = shuffled(rows, new Prng(5));
  const labels = [...set.labels];
  for (const [i, row] of rows.entries()) labels[row] = set.labels[mixed[i]!]!;
  const names = broken((await run({ ...set, labels })).result);
  for (const name of ["auc", "t1", "detection at thr1"]) assert.ok(names.includes(name), names.join());
});

test.run();
