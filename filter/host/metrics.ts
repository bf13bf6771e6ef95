// Counters and one gauge in Envoy's statistics. The names keep the word vedette behind what tag extractors cut away.

import { OK, proxy_define_metric, proxy_increment_metric, proxy_record_metric } from "./abi";
import { ascii, lengthOf } from "./bytes";
import { expectResult, RESULT_NUMBER, resultNumber } from "./memory";

const COUNTER: u32 = 0;
const GAUGE: u32 = 1;

/** A counter with what has been added to it so far: totals are published by difference. */
@unmanaged
class Counter {
  name: usize;
  id: u32;
  defined: bool;
  told: u64;
}

const COUNTERS_MAX: i32 = 16;
const COUNTERS = memory.data(16 * 24, 8);
let counters: i32 = 0;

function at(index: i32): Counter {
  return changetype<Counter>(COUNTERS + <usize>index * offsetof<Counter>());
}

/** Declares a counter by its name; answers its index. For module start only. */
export function counter(name: string): i32 {
  if (counters >= COUNTERS_MAX) unreachable();
  const entry = at(counters);
  entry.name = ascii(name);
  return counters++;
}

function define(kind: u32, name: usize): u32 {
  expectResult();
  return proxy_define_metric(kind, name, lengthOf(name), RESULT_NUMBER) == OK ? resultNumber() : 0;
}

/** Brings the counter to a total that only grows. */
export function publish(index: i32, total: u64): void {
  const entry = at(index);
  if (!entry.defined) {
    entry.defined = true;
    entry.id = define(COUNTER, entry.name);
  }
  if (total > entry.told && proxy_increment_metric(entry.id, <i64>(total - entry.told)) == OK) entry.told = total;
}

const MODEL_VERSION = ascii("wasm_filter.vedette.vedette_model_version");
let modelVersionId: u32 = 0;

export function publishModelVersion(version: u64): void {
  if (modelVersionId == 0) modelVersionId = define(GAUGE, MODEL_VERSION);
  proxy_record_metric(modelVersionId, version);
}
