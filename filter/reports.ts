// What this VM tells at its own pace: windows that are sealed, pulses, denials; and metrics to Envoy.

import { configErrors } from "./config";
import { writeBytes, writeClose, writeOpen } from "./core/write";
import { totals } from "./counts";
import { hasDenials, writeDenials } from "./denials";
import { counter, publish, publishModelVersion } from "./host/metrics";
import { pulseNs, writePulse } from "./pulse";
import { markSent, nextWindow, windowBytes, windowSize } from "./ring";
import { keyed, serving } from "./snapshot";
import { beginFrame, canSend, endFrame } from "./uplink";

const FRAME_PULSE: u32 = 3;
const FRAME_WINDOW: u32 = 4;
const FRAME_DENIALS: u32 = 7;

const ALLOW = counter("wasm_filter.vedette.tag.allow;.vedette_requests_total");
const DENY_RULE = counter("wasm_filter.vedette.tag.deny_rule;.vedette_requests_total");
const DENY_MODEL = counter("wasm_filter.vedette.tag.deny_model;.vedette_requests_total");
const SHADOW_DENY = counter("wasm_filter.vedette.tag.shadow_deny;.vedette_requests_total");
const ALERT = counter("wasm_filter.vedette.tag.alert;.vedette_requests_total");
const SKIP = counter("wasm_filter.vedette.tag.skip;.vedette_requests_total");
const WINDOWS_DROPPED = counter("wasm_filter.vedette.vedette_windows_dropped_total");
const DENIALS_DROPPED = counter("wasm_filter.vedette.vedette_denials_dropped_total");
const CONFIG_ERRORS = counter("wasm_filter.vedette.vedette_config_errors_total");
const UPDATES_REFUSED = counter("wasm_filter.vedette.vedette_updates_refused_total");
const STREAMS_OPENED = counter("wasm_filter.vedette.vedette_streams_opened_total");

let lastPulseNs: u64 = 0;

/** Sends sealed windows, as many as may be on their way. */
export function tellWindows(root: u32): void {
  if (!canSend(root)) return;
  for (let entry = nextWindow(); entry != 0; entry = nextWindow()) {
    beginFrame();
    writeBytes(FRAME_WINDOW, windowBytes(entry), windowSize(entry));
    if (!endFrame()) return;
    markSent(entry);
  }
}

/** Sends a pulse when it is due. */
export function tellPulse(root: u32, nowNs: u64): void {
  if ((lastPulseNs != 0 && nowNs - lastPulseNs < pulseNs()) || !canSend(root)) return;
  beginFrame();
  writePulse(FRAME_PULSE);
  if (endFrame()) lastPulseNs = nowNs;
}

/** Sends what was denied since the last time. */
export function tellDenials(root: u32): void {
  if (!hasDenials() || !canSend(root)) return;
  beginFrame();
  const opened = writeOpen(FRAME_DENIALS);
  const count = writeDenials();
  writeClose(opened);
  if (!endFrame()) totals.denialsDropped += count;
}

/** Brings Envoy's metrics up to date. */
export function publishMetrics(): void {
  publish(ALLOW, totals.allow);
  publish(DENY_RULE, totals.denyRule);
  publish(DENY_MODEL, totals.denyModel);
  publish(SHADOW_DENY, totals.shadowDenied);
  publish(ALERT, totals.alert);
  publish(SKIP, totals.skip);
  publish(WINDOWS_DROPPED, totals.windowsDropped);
  publish(DENIALS_DROPPED, totals.denialsDropped);
  publish(CONFIG_ERRORS, configErrors);
  publish(UPDATES_REFUSED, totals.updatesRefused);
  publish(STREAMS_OPENED, totals.streamsOpened);
  if (keyed) publishModelVersion(serving.version);
}
