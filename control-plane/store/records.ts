// What is kept and under which key. Every record is versioned by its key's first part; every table of them says what
// bounds it.

import { createHash } from "node:crypto";
import type { Counts, Identity, Mode, Model, Rule, Statistics, Target } from "../domain.ts";
import { addStatistics, emptyCounts, emptyStatistics, type LiveModels } from "./statistics.ts";
import type { Key, Reader, Transaction } from "./store.ts";

export const STRATA = 64;
/** Published manifests that are remembered, per target. */
export const HISTORY_MAX = 10;
export const DAY_MS = 86_400_000;

/** One for the whole mesh: made once. */
export interface MeshRecord {
  /** Grows at each start. */
  epoch: number;
  /** Of SipHash-1-3, 16 bytes; the first makes new keys. */
  hashKeys: { id: number; key: Uint8Array }[];
  nextRuleId: number;
}

/** What a model was trained from. */
export interface TrainingBasis {
  /** Requests in the moments it was trained from. */
  learnt: number;
  trainedAtMs: number;
}

export interface TrainedModel {
  model: Model;
  basis: TrainingBasis;
}

export interface WorkloadRecord {
  target: Target;
  mode: Mode;
  modeSetAtMs: number;
  /** Grows with each change by an operator; the etag. */
  revision: number;
  rules: number;
  current: TrainedModel | null;
  candidate: TrainedModel | null;
  /**
   * Scores that models gave before they judged, older ones for less: 128 buckets; absent before the first was
   * calibrated.
   */
  scores?: number[];
  /** Attack table that levels are counted by; absent in records of before there were any. */
  attackId?: string;
}

/** Windows of a target by what became of them, and counts of days that are no longer kept. */
export interface WindowsRecord {
  /** Grows whenever the strata change. */
  revision: number;
  merged: number;
  duplicate: number;
  expired: number;
  invalid: number;
  /** Told by the VMs. */
  dropped: number;
  retired: Counts;
}

export interface PublishedManifest {
  epoch: number;
  version: number;
  manifest: Uint8Array;
  publishedAtMs: number;
}

export const MESH_KEY: Key = "mesh";
export const WORKLOADS_PREFIX: Key = "workload/";
export const RULES_PREFIX: Key = "rule/";
export const DEDUPE_PREFIX: Key = "dedupe/";
export const BANS_PREFIX: Key = "ban/";

export function workloadKey(target: Target): Key {
  return `${WORKLOADS_PREFIX}${encodeURIComponent(target)}`;
}

export function windowsKey(target: Target): Key {
  return `windows/${encodeURIComponent(target)}`;
}

export function historyKey(target: Target): Key {
  return `history/${encodeURIComponent(target)}`;
}

export function rulePrefix(target: Target): Key {
  return `${RULES_PREFIX}${encodeURIComponent(target)}/`;
}

/** Sorts by id: padded to the 16 digits of 2^53. */
export function ruleKey(target: Target, id: number): Key {
  return `${rulePrefix(target)}${String(id).padStart(16, "0")}`;
}

export function strataPrefix(target: Target): Key {
  return `stratum/${encodeURIComponent(target)}/`;
}

/** `day` is days since 1970. At most 64 a target and day. */
export function stratumKey(target: Target, day: number, stratum: number): Key {
  return `${strataPrefix(target)}${String(day).padStart(6, "0")}/${String(stratum).padStart(2, "0")}`;
}

/** Windows seen of one node under one identity. Hashed: both may be longer than a key. */
export function dedupeKey(identity: Identity, node: string): Key {
  return `${DEDUPE_PREFIX}${createHash("sha256").update(`${identity}\0${node}`).digest("hex")}`;
}

/** Hashed: an identity may be longer than a key. */
export function banKey(identity: string): Key {
  return `${BANS_PREFIX}${createHash("sha256").update(identity).digest("hex")}`;
}

/** 0 to 63. */
export function stratumOf(node: string): number {
  return (createHash("sha256").update(node).digest()[0] ?? 0) % STRATA;
}

export function emptyWindows(): WindowsRecord {
  return { revision: 0, merged: 0, duplicate: 0, expired: 0, invalid: 0, dropped: 0, retired: emptyCounts() };
}

export function liveModels(workload: WorkloadRecord | undefined): LiveModels {
  const live = new Set<string>();
  for (const trained of [workload?.current, workload?.candidate]) if (trained) live.add(trained.model.modelId);
  return live;
}

/**
 * Levels count by one attack table: under another one the contexts of a target, the models made from them, and the
 * scores of such models, say nothing. They are dropped, and learnt again. Likewise models of before there were routes,
 * which no filter takes.
 */
export function adoptAttackTable(transaction: Transaction, target: Target, tableId: string): void {
  const record = transaction.get<WorkloadRecord>(workloadKey(target));
  if (record === undefined) return;
  const isSame = record.attackId === tableId;
  const [current, candidate] = [keptModel(record.current, tableId), keptModel(record.candidate, tableId)];
  if (isSame && current === record.current && candidate === record.candidate) return;
  const { scores, ...rest } = record;
  const kept = isSame && scores !== undefined ? { scores } : {};
  transaction.put(workloadKey(target), { ...rest, ...kept, current, candidate, attackId: tableId });
  if (isSame) return;
  for (const { key, value } of transaction.range<Statistics>(strataPrefix(target))) {
    transaction.put(key, { ...value, contexts: {} });
  }
}

/** The model if it was made with this table, and with routes; `routes` is absent in records of before. */
function keptModel(trained: TrainedModel | null, tableId: string): TrainedModel | null {
  const model: Partial<Model> | undefined = trained?.model;
  return model?.attackId === tableId && model.routes !== undefined ? trained : null;
}

/** The strata of a target added up by day, ascending by day. */
export function readDays(reader: Reader, target: Target): { day: number; statistics: Statistics }[] {
  const live = liveModels(reader.get<WorkloadRecord>(workloadKey(target)));
  const prefix = strataPrefix(target);
  const days = new Map<number, Statistics>();
  for (const { key, value } of reader.range<Statistics>(prefix)) {
    const day = Number(key.slice(prefix.length).split("/")[0]);
    days.set(day, addStatistics(days.get(day) ?? emptyStatistics(), value, live));
  }
  return [...days].map(([day, statistics]) => ({ day, statistics }));
}

/** Rules of a target, ascending by id. */
export function readRules(reader: Reader, target: Target): Rule[] {
  return reader.range<Rule>(rulePrefix(target)).map(({ value }) => value);
}
