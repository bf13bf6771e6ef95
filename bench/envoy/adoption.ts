// New content for a running sidecar: what a model costs the thread that serves, whether any request fails meanwhile,
// and whether a great many updates in a row are all accounted for. And growth: memory over a great many requests. The
// control plane is the tests' own here, which can send a new model at any moment and sees every answer of every VM.

import { build } from "hdr-histogram-js";
import { vedetteCluster } from "../../envoy/filter-config.ts";
import { freePorts } from "../../envoy/ports.ts";
import { waitFor } from "../../envoy/process.ts";
import { Recorder } from "../../test/e2e/recorder.ts";
import { Prng } from "../../test/support/prng.ts";
import { model, modelBody } from "../../test/support/sections.ts";
import { update } from "../../test/support/snapshot.ts";
import { type Figure, figureOf } from "../filter/measure.ts";
import { MESH, oursFilter, targetOf } from "./arms.ts";
import type { Bed } from "./bed.ts";
import { Client } from "./client.ts";
import type { EnvoyProcess } from "./envoy-process.ts";
import { openLoop, Pool, usSince } from "./latency.ts";
import { ATTACK, requestOf, sequence, TARGETS } from "./requests.ts";
import { envoyMeter, rssOf } from "./scheduler.ts";

const WORKLOAD = "recorded";
/** The worker's and the main thread's. */
const VMS = 2;
const PROBE_RATE = 1000;
/** Updates sent before the last of them is waited for. */
const BURST = 16;
const ATTACK_EVERY = 100;

export interface Probe {
  sent: number;
  failed: number;
  p50Us: number;
  p99Us: number;
  maxUs: number;
}

export interface Pushes {
  sent: number;
  /** Told as adopted, by VM and update; passed over because a newer one was there already; refused. */
  adopted: number;
  coalesced: number;
  refused: number;
}

export interface Growth {
  requests: number;
  /** 64 KiB pages of the largest VM, before and after. */
  pagesBefore: number;
  pagesAfter: number;
  /** Resident memory of the process, in KiB more than after a tenth of the requests. */
  rssKib: number;
}

/** A sidecar whose control plane is the recorder. */
export class RecordedSidecar {
  private nonce = 0n;

  private constructor(
    private readonly recorder: Recorder,
    private readonly proxy: EnvoyProcess,
    private readonly port: number,
  ) {}

  /** Resolves when all its VMs hold a first model. */
  static async start(bed: Bed): Promise<RecordedSidecar> {
    const recorder = await Recorder.start();
    bed.onClose("recorder", () => recorder.stop());
    const [port] = (await freePorts(1)) as [number];
    const options = { wasm: bed.wasm, controlPlane: bed.controlPlane(recorder.port) };
    const proxy = await bed.proxy({
      node: WORKLOAD,
      listeners: [{ name: WORKLOAD, port, filters: [oursFilter(WORKLOAD, options)] }],
      clusters: [vedetteCluster({ ...options, configuration: {} })],
    });
    const sidecar = new RecordedSidecar(recorder, proxy, port);
    await waitFor("its stream", () => recorder.of("hello").length > 0);
    await sidecar.adopted(sidecar.push());
    return sidecar;
  }

  /**
   * CPU time of the worker from each of `count` new models to its adoption by every VM, in us, while there are no
   * requests. Its longest callback cannot have taken longer.
   */
  async adoptions(count: number): Promise<Figure> {
    const meter = envoyMeter(this.proxy.pid);
    const each: number[] = [];
    for (let i = 0; i < count; i++) {
      const before = meter().worker;
      await this.adopted(this.push());
      each.push((meter().worker - before) / 1000);
    }
    return figureOf(each);
  }

  /** A probe of 1 kHz while `work` goes on; a request fails that is not answered 200. */
  async probe(work: () => Promise<void>): Promise<Probe> {
    const pool = new Pool(this.port);
    const histogram = build({ numberOfSignificantValueDigits: 3 });
    const prng = new Prng(7);
    let over = false;
    const probing = openLoop(
      prng,
      PROBE_RATE,
      () => over,
      async (index, dueMs) => {
        await pool.send(requestOf(prng.pick(TARGETS["256 B"]), index));
        histogram.recordValue(usSince(dueMs));
      },
    );
    await work().finally(() => {
      over = true;
    });
    await probing;
    pool.close();
    const us = (percent: number) => histogram.getValueAtPercentile(percent);
    const sent = histogram.totalCount;
    const failed = sent - (pool.tally.get(200) ?? 0);
    return { sent, failed, p50Us: us(50), p99Us: us(99), maxUs: histogram.maxValue };
  }

  /** New models one after the other, each adopted before the next is sent. */
  async adopt(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.adopted(this.push());
  }

  /** Updates of distinct content in bursts. Throws where the last of a burst is not adopted by every VM. */
  async pushes(count: number): Promise<Pushes> {
    const first = this.nonce + 1n;
    for (let sent = 0; sent < count; ) {
      let last = 0n;
      for (const end = Math.min(count, sent + BURST); sent < end; sent++) last = this.push();
      await this.adopted(last);
    }
    const told = (list: readonly { nonce: bigint; vmBootId: bigint }[]) => {
      return new Set(list.filter(({ nonce }) => nonce >= first).map(({ nonce, vmBootId }) => `${nonce} ${vmBootId}`))
        .size;
    };
    const [adopted, refused] = [told(this.recorder.of("ack")), told(this.recorder.of("nack"))];
    return { sent: count, adopted, refused, coalesced: VMS * count - adopted - refused };
  }

  /** One in a hundred is an attack. Throws where a request is not answered 200: this model denies nothing. */
  async growth(requests: number): Promise<Growth> {
    const client = new Client(this.port);
    const next = sequence("mix");
    const drive = async (count: number) => {
      const request = (i: number) => (i % ATTACK_EVERY === 0 ? requestOf(ATTACK, i) : next(i));
      const tally = await client.drive(count, request);
      if (tally.get(200) !== count) throw new Error(`growth: answered ${JSON.stringify([...tally])}, must be 200 only`);
    };
    await drive(Math.ceil(requests / 10));
    const [pagesBefore, rssBefore] = [await this.pages(), rssOf(this.proxy.pid)];
    await drive(requests - Math.ceil(requests / 10));
    const [pagesAfter, rssAfter] = [await this.pages(), rssOf(this.proxy.pid)];
    client.close();
    return { requests, pagesBefore, pagesAfter, rssKib: (rssAfter - rssBefore) / 1024 };
  }

  /** Of the largest VM, as each tells in a pulse from now on. */
  private async pages(): Promise<number> {
    const known = this.recorder.of("pulse").length;
    const fresh = () => this.recorder.of("pulse").slice(known);
    const told = () => new Set(fresh().map(({ vmBootId }) => vmBootId)).size >= VMS;
    await waitFor("a pulse of every VM", told);
    return Math.max(...fresh().map(({ memoryPages }) => memoryPages));
  }

  /** Sends a model that it has not had yet and that denies nothing, as it is not calibrated. */
  private push(): bigint {
    this.nonce++;
    const body = modelBody({ alertThreshold: 0, denyThreshold: 0 }, Number(this.nonce));
    const spec = { mesh: MESH, target: targetOf(WORKLOAD), nonce: this.nonce, version: this.nonce };
    this.recorder.push(update({ ...spec, serverNowMs: BigInt(Date.now()), model: model(body) }));
    return this.nonce;
  }

  private async adopted(nonce: bigint): Promise<void> {
    await waitFor(`update ${nonce} adopted by every VM`, () => {
      const [refusal] = this.recorder.nacksOf(nonce);
      if (refusal) throw new Error(`update ${nonce} refused: ${refusal.field}: ${refusal.value}, ${refusal.bound}`);
      return new Set(this.recorder.acksOf(nonce).map(({ vmBootId }) => vmBootId)).size >= VMS;
    });
  }
}
