// The control plane put together: store, publication, workloads, rules, ingest, the training cycle, and the edge over
// them. Starts whole or not at all. The first failed write ends the process: what is on disk is not known then, and
// nothing may be acknowledged.

import { createPrivateKey, type KeyObject } from "node:crypto";
import { fileURLToPath } from "node:url";
import { AuditTrail } from "./audit.ts";
import { BanList } from "./bans.ts";
import type { Config } from "./config.ts";
import { checkConfig } from "./config-check.ts";
import { type Core, loadCore } from "./core.ts";
import { Cycle } from "./cycle.ts";
import type { AttackTable } from "./domain.ts";
import { ControlPlaneError } from "./errors.ts";
import type { ControlPlaneEvent } from "./events.ts";
import { WindowIngest } from "./ingest/ingest.ts";
import { errorFields, type Log } from "./log.ts";
import { Metrics } from "./metrics.ts";
import type { Files } from "./ports/files.ts";
import type { Ports } from "./ports/ports.ts";
import { Publication } from "./publication.ts";
import { RuleBook } from "./rules/rules.ts";
import { type Addresses, Edge } from "./server/edge.ts";
import { GroupStore } from "./store/group.ts";
import { LmdbDisk, storeFolder } from "./store/lmdb.ts";
import type { Disk, Store } from "./store/store.ts";
import { parseAttackTable } from "./train/attack-table.ts";
import { type Prior, parsePrior } from "./train/prior.ts";
import { parseUsualScores, type UsualScores } from "./train/usual-scores.ts";
import { WorkloadBook } from "./workloads.ts";

const ATTACK_WEIGHTS_FILE = fileURLToPath(new URL("./train/attack-table.bin", import.meta.url));
const ATTACK_TABLE_FILE = fileURLToPath(new URL("./train/attack-table.json", import.meta.url));
const PRIOR_FILE = fileURLToPath(new URL("./train/prior.json", import.meta.url));
const USUAL_FILE = fileURLToPath(new URL("./train/usual-scores.json", import.meta.url));

export interface ControlPlane {
  /** As bound. */
  addresses: Addresses;
  /** Fencing number of this run. */
  epoch: number;
  /**
   * Ends streams and calls, finishes what runs, closes the store. Bounded by about 7 s of the clock but for the disk.
   */
  stop(): Promise<void>;
}

export interface PlaneOptions {
  /** The default is LMDB in `config.dataDirectory`. */
  disk?: Disk;
}

/** Rejects with what kept it from starting; nothing is left open then. */
export async function startControlPlane(
  config: Config,
  ports: Ports,
  log: Log,
  options: PlaneOptions = {},
): Promise<ControlPlane> {
  checkConfig(config);
  const core = loadCore();
  const prior = readPrior(ports.files, core);
  const attack = readAttackTable(ports.files);
  const usual = readUsualScores(ports.files);
  const signingKey = readSigningKey(config.signingKeyFile, ports.files);
  const metrics = new Metrics(ports.runtime);
  const fatal = lastWords(ports, log);
  const store = new GroupStore(options.disk ?? new LmdbDisk(storeFolder(config.dataDirectory)));
  store.onFailure(fatal);
  try {
    return await assemble({ config, ports, log, core, prior, attack, usual, signingKey, metrics, store, fatal });
  } catch (error) {
    await store.close();
    throw error;
  }
}

interface Parts {
  config: Config;
  ports: Ports;
  log: Log;
  core: Core;
  prior: Prior;
  attack: AttackTable;
  usual: UsualScores;
  signingKey: KeyObject | undefined;
  metrics: Metrics;
  store: Store;
  fatal: (error: unknown) => void;
}

async function assemble(parts: Parts): Promise<ControlPlane> {
  const { config, ports, log, core, prior, attack, usual, signingKey, metrics, store, fatal } = parts;
  const { clock, random } = ports;
  const { mesh, windowMs, pulseMs, oversize, training: settings, trainEveryMs, defaultMode } = config;
  const observe = (event: ControlPlaneEvent) => record(event, log, metrics);
  const publication = await Publication.open({
    ...{ store, core, clock, random, mesh, windowMs, pulseMs, oversize, attack, signingKey, observe },
  });
  const workloads = new WorkloadBook({ store, clock, publication, settings, defaultMode, observe });
  const rules = new RuleBook({ store, core, clock, publisher: publication, workloads, observe });
  const ingest = new WindowIngest({
    store,
    core,
    clock,
    observe: ({ target }, outcome, detail) => observe({ kind: "window", target, outcome, detail }),
  });
  const cycle = new Cycle({ store, core, clock, publication, prior, attack, usual, settings, trainEveryMs, observe });
  const audit = await AuditTrail.open({ store, clock, observe }, config.auditEntries);
  const bans = new BanList({ store, clock });
  const seams = { ingest, workloads, rules, snapshots: publication, bans, audit };
  const edge = new Edge(config, ports, seams, log, metrics, fatal);
  const addresses = await edge.start();
  audit.start();
  rules.start();
  cycle.start();
  return {
    addresses,
    epoch: publication.epoch,
    stop: async () => {
      await edge.stop();
      rules.stop();
      await cycle.stop();
      audit.stop();
      await store.close();
    },
  };
}

function readPrior(files: Files, core: Core): Prior {
  return parsePrior(files.read(PRIOR_FILE).toString("utf8"), core.featureHash, core.limits.FEATURES);
}

function readAttackTable(files: Files): AttackTable {
  return parseAttackTable(files.read(ATTACK_WEIGHTS_FILE), files.read(ATTACK_TABLE_FILE).toString("utf8"));
}

function readUsualScores(files: Files): UsualScores {
  return parseUsualScores(files.read(USUAL_FILE).toString("utf8"));
}

/** FAILED_PRECONDITION where it is not a private key on P-256: the filters verify no other. */
function readSigningKey(path: string | undefined, files: Files): KeyObject | undefined {
  if (path === undefined) return undefined;
  const key = createPrivateKey(files.read(path));
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === "ec" && curve === "prime256v1") return key;
  const found = curve ?? key.asymmetricKeyType ?? "unknown";
  throw new ControlPlaneError("FAILED_PRECONDITION", `signing key: ${found}, must be a private key on P-256`);
}

/** Says why, once, and ends the process. */
function lastWords(ports: Ports, log: Log): (error: unknown) => void {
  let said = false;
  return (error) => {
    if (said) return;
    said = true;
    log.error("the store failed; nothing can be acknowledged any more", errorFields(error));
    ports.exit.exit(1);
  };
}

function record(event: ControlPlaneEvent, log: Log, metrics: Metrics): void {
  switch (event.kind) {
    case "window": {
      const { target, outcome, detail } = event;
      log[outcome === "invalid" ? "warn" : "debug"]("window", { target, outcome, detail });
      break;
    }
    case "model-trained":
      metrics.models.inc({ event: "trained" });
      log.info("model trained", { target: event.target, modelId: event.modelId, requests: event.learnt });
      break;
    case "model-promoted": {
      metrics.models.inc({ event: "promoted" });
      const detail = `alert from ${event.alertThreshold}, deny from ${event.denyThreshold}`;
      log.info("model judges", { target: event.target, modelId: event.modelId, detail });
      break;
    }
    case "snapshot-published": {
      const { target, epoch, version, bytes } = event;
      metrics.publications.inc({ outcome: "published" });
      log.info("snapshot published", { target, epoch, version, bytes });
      break;
    }
    case "publication-refused":
      metrics.publications.inc({ outcome: "refused" });
      log.error("publication refused", { target: event.target, detail: event.detail });
      break;
    case "rule-expired":
      log.info("rule expired", { target: event.target, rule: event.id });
      break;
    case "task-failed":
      metrics.tasksFailed.inc();
      log.error("task failed", { method: event.task, detail: event.detail });
      break;
    case "refused":
      // The edge logs it with who it was.
      metrics.refusals.inc({ listener: event.listener, entered: String(event.entered) });
      break;
    case "audit-head":
      log.info("audit head", { count: event.seq, detail: event.hash });
      break;
    case "mode-set":
      // The operator service logs it with who did it.
      break;
  }
}
