// Scores rows without learning from them: another sidecar with the same compiled filter, given the very model that
// judges at the service, with the hash key and the attack table of its mesh, whose windows nobody reads. The filter
// tells score and reason only of what is not plainly allowed, so here the alert threshold is 1: it tells them of every
// row. The deny threshold stays: whether a row is denied is the filter's own verdict. A model's id, scores and reasons
// do not depend on its thresholds.

import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import type { Core } from "../../control-plane/core.ts";
import type { Model } from "../../control-plane/domain.ts";
import { SectionKind } from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { UpdateSchema } from "../../control-plane/gen/vedette/v1/sidecar_pb.ts";
import {
  encodeManifest,
  encodeModels,
  encodeRules,
  encodeSettings,
  type Settings,
} from "../../control-plane/snapshot/encode.ts";
import { FakeControlPlane } from "../../test/host/control-plane.ts";
import { Sidecar } from "../../test/host/sidecar.ts";
import { FILTER, TICK_MS, toSpec } from "./mesh.ts";
import { MESH, PULSE_MS } from "./plane.ts";
import type { Start } from "./priors.ts";
import type { Request } from "./set.ts";

const TARGET = "bench/judge";
const KINDS = { settings: SectionKind.SETTINGS, model: SectionKind.MODEL, rules: SectionKind.RULES } as const;
/** Windows are thrown away: the longest there are. */
const WINDOW_MS = 600_000;
const ADOPT_MS_MAX = 20_000;
/** In mode `shadow` nothing is denied, only told. */
const DENY = "shadow_deny";
const VERDICTS = ["alert", DENY];

export interface Judgement {
  /** In 1/256; 0 where the filter gave none. */
  readonly score: number;
  /** Whether a sidecar that enforces would deny it. */
  readonly deny: boolean;
  /** The feature that says most; empty without a score. */
  readonly reason: string;
  /** Where it is strongest, as the filter tells it: kind and name, or the index where a name could forge something. */
  readonly location: string;
}

/** What a model is bound to: names of contexts are hashed with a key, and bases are levels by a table. */
export interface ModelBonds {
  readonly hashKeys: Settings["hashKeys"];
  readonly attack: Start["attack"];
}

const NOTHING: Judgement = { score: 0, deny: false, reason: "", location: "" };

export class Judge {
  readonly #core: Core;
  readonly #plane = new FakeControlPlane();
  readonly #sidecar: Sidecar;
  #held = "";
  #version = 0;

  constructor(core: Core) {
    this.#core = core;
    this.#sidecar = new Sidecar({
      wasm: FILTER,
      workers: 1,
      seed: 1,
      node: "judge",
      clusters: { vedette: this.#plane },
    });
    this.#sidecar.configure({ mesh: MESH, target: TARGET, tickMs: TICK_MS });
    this.#until(() => this.#plane.live.some((stream) => stream.hello !== undefined), "hello");
  }

  /** Judges in the order given; nothing is kept from one row to the next. */
  judge(model: Model, bonds: ModelBonds, requests: readonly Request[]): Judgement[] {
    this.#adopt(model, bonds);
    return requests.map((request) => {
      const { filterState } = this.#sidecar.request({ ...toSpec(request), withoutLog: true });
      return parse(filterState.get("vedette"));
    });
  }

  #adopt(model: Model, { hashKeys, attack }: ModelBonds): void {
    const telling = { ...model, alertThreshold: 1 };
    const contents = {
      settings: encodeSettings({ mode: "shadow", hashKeys, windowMs: WINDOW_MS, pulseMs: PULSE_MS, oversize: "allow" }),
      model: encodeModels({ current: telling, candidate: undefined }, attack),
      rules: encodeRules([]),
    };
    const kinds = ["settings", "model", "rules"] as const;
    const sections = kinds.map((kind) => ({ kind, content: contents[kind], digest: sha256(contents[kind]) }));
    const digests = sections.map(({ digest }) => digest).join();
    if (this.#held === digests) return;
    this.#held = digests;
    const version = ++this.#version;
    const place = { mesh: MESH, target: TARGET, epoch: 1, version, featureHash: this.#core.featureHash };
    this.#plane.push(
      create(UpdateSchema, {
        nonce: BigInt(version),
        serverNowMs: BigInt(this.#sidecar.loop.wallMs),
        manifest: encodeManifest({ ...place, sections }),
        sections: sections.map(({ kind, content }) => ({ kind: KINDS[kind], content })),
      }),
    );
    const nonce = BigInt(version);
    this.#until(() => {
      const acks = this.#plane.of("ack").filter((ack) => ack.nonce === nonce);
      return acks.length === this.#sidecar.vms.length;
    }, `model ${model.modelId}`);
    // What was told is not asked for again.
    for (const stream of this.#plane.streams) stream.frames.splice(1);
  }

  #until(condition: () => boolean, what: string): void {
    for (let ms = 0; !condition(); ms += TICK_MS) {
      if (ms > ADOPT_MS_MAX) throw new Error(`judge: no ${what} within ${ADOPT_MS_MAX} ms`);
      this.#sidecar.tick(TICK_MS);
    }
  }
}

/** `verdict;model:feature;location;score`; nothing is told of a score of 0 and of a request without one. */
function parse(state: string | undefined): Judgement {
  if (state === undefined) return NOTHING;
  const [verdict = "", reason = "", location = "", score = ""] = state.split(";");
  const told = VERDICTS.includes(verdict) && reason.startsWith("model:") && /^\d+$/.test(score);
  if (!told) throw new Error(`judge: filter state ${state}`);
  return { score: Number(score), deny: verdict === DENY, reason: reason.slice("model:".length), location };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
