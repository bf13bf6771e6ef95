// The VM between its callbacks: configuration, tick, doorbells. One root context at a time is at work, the one
// configured last; an older one only hands over what is tied to it.

import { config, configured, draftMoves, draftServes, installDraft } from "./config";
import {
  CONFIGURATION_MAX,
  configError,
  configErrorLength,
  readConfiguration,
  refuseConfiguration,
} from "./config-reader";
import {
  BUFFER_PLUGIN_CONFIGURATION,
  OK,
  proxy_get_buffer_bytes,
  proxy_set_tick_period_milliseconds,
} from "./host/abi";
import { ascii } from "./host/bytes";
import { monotonicNs, readTickClock } from "./host/clock";
import { endLine, INFO, line, WARN } from "./host/log";
import { expectResult, RESULT_DATA, RESULT_SIZE, release, resultData, resultSize } from "./host/memory";
import { dequeue } from "./host/queue";
import { getShared, putShared } from "./host/shared";
import { put, putBytes, putHex } from "./host/text";
import { keepLease } from "./lease";
import { learnNode, learnProcess, processId, vmBootId } from "./node";
import { publishMetrics, tellDenials, tellPulse, tellWindows } from "./reports";
import { acknowledgeWindow, forgetFlights } from "./ring";
import { forgetSnapshot } from "./snapshot";
import { closed, forwardFrames, handOver, isUpQueue, keepStream, receive } from "./stream";
import { takeShared } from "./updates";
import { streamRoot } from "./uplink";
import { BELL_ACKNOWLEDGED, BELL_CONTENT, BELL_RESEND, bell, keepVmSlot } from "./vm-slots";
import { forgetStatistics, openWindow, sealIfDue, sealWindow } from "./window";

/**
 * One byte: a good configuration has been in force in this process. Tells a new VM, also the canary, a first one
 * from an update.
 */
const CONFIGURED = ascii("vedette/1/configured");
const ONE = memory.data<u8>([1]);
/** Ticks of an older root context after which it is no update that drains, but a second configuration in this VM. */
const OLD_TICKS_MAX: u32 = 600;
/** Doorbells that one callback takes. */
const BELLS_MAX: i32 = 1024;

/** The root context at work; 0 for none. */
let root: u32 = 0;
let configuredTold: bool = false;
let stalled: bool = false;
let oldTicks: u32 = 0;

function sayConfiguration(good: bool): void {
  line(good ? "configured vm=" : "configuration refused vm=");
  putHex(vmBootId);
  if (!good) {
    put(configured || getShared(CONFIGURED) == OK ? " the old one stays: " : " mode off: ");
    putBytes(configError, configErrorLength);
  }
  endLine(good ? INFO : WARN);
}

/** Reads a configuration of `size` bytes into the draft; false if it is bad. */
function fetchConfiguration(size: u32): bool {
  if (size == 0) return readConfiguration(0, 0);
  if (size > CONFIGURATION_MAX) return refuseConfiguration(size);
  expectResult();
  const status = proxy_get_buffer_bytes(BUFFER_PLUGIN_CONFIGURATION, 0, size, RESULT_DATA, RESULT_SIZE);
  return status == OK ? readConfiguration(resultData(), resultSize()) : refuseConfiguration(size);
}

/** Takes a configuration of `size` bytes for a new root context. Never refused towards Envoy. */
export function configure(id: u32, size: u32): void {
  const nowNs = readTickClock();
  learnNode();
  const good = fetchConfiguration(size);
  sayConfiguration(good);
  const first = root == 0 && !configured;
  if (draftServes(good)) {
    const moves = draftMoves();
    if (moves && !first) sealWindow(nowNs);
    installDraft(good);
    if (moves) {
      forgetStatistics();
      forgetSnapshot();
    }
    if (moves || first) openWindow(nowNs);
  }
  root = id;
  proxy_set_tick_period_milliseconds(config.tickMs);
}

function tellConfigured(): void {
  if (configuredTold || !configured) return;
  configuredTold = putShared(CONFIGURED, ONE, 1, 0);
}

/** Test build: the owner of an open stream stands still once. */
function stallOnce(): void {
  if (stalled || streamRoot != root || config.testStallMs == 0) return;
  stalled = true;
  const until = monotonicNs() + <u64>config.testStallMs * 1000000;
  for (let i = 0; i < 1000000000 && monotonicNs() < until; i++) {}
}

function sayCrowded(): void {
  line("two configurations are live in this VM and the later one counts: give each its own vm_id");
  endLine(WARN);
}

/** Everything that happens by time. The order matters: who owns the stream is known before anything is sent. */
export function tick(id: u32): void {
  if (root == 0) root = id;
  if (id != root) {
    if (id == streamRoot) handOver();
    if (++oldTicks == OLD_TICKS_MAX) sayCrowded();
    return;
  }
  if (isDefined(VEDETTE_TEST)) stallOnce();
  const nowNs = readTickClock();
  tellConfigured();
  if (processId == 0) learnProcess();
  keepVmSlot(nowNs, root);
  keepLease(nowNs);
  keepStream(root, nowNs);
  answerBells(nowNs);
  takeShared(nowNs);
  sealIfDue(nowNs);
  forwardFrames();
  tellWindows(root);
  tellDenials(root);
  tellPulse(root, nowNs);
  publishMetrics();
}

/** Empties this VM's own queue. */
function answerBells(nowNs: u64): void {
  let content = false;
  for (let i = 0; bell != 0 && i < BELLS_MAX && dequeue(bell); i++) {
    const at = resultData();
    const size = resultSize();
    const what: u8 = size == 0 ? 0 : load<u8>(at);
    if (what == BELL_CONTENT) content = true;
    else if (what == BELL_RESEND) forgetFlights();
    else if (what == BELL_ACKNOWLEDGED && size == 9) acknowledgeWindow(load<u64>(at, 1));
    if (at != 0) release(at);
  }
  if (content) takeShared(nowNs);
}

/** A queue that this VM registered has something. */
export function queueReady(id: u32, queue: u32): void {
  if (id != root) return;
  if (queue == bell) {
    answerBells(readTickClock());
    tellWindows(root);
  } else if (isUpQueue(queue)) forwardFrames();
}

/** A message of a gRPC stream has come. */
export function grpcReceive(id: u32, token: u32, size: u32): void {
  if (id != streamRoot) return;
  receive(token, size, readTickClock());
  tellWindows(root);
}

export function grpcClose(token: u32, status: u32): void {
  closed(token, status, readTickClock());
}

/**
 * A root context ends. Where no newer one has taken over the VM ends with it: what is counted is told while that is
 * possible.
 */
export function endRoot(id: u32): void {
  if (id == root) {
    sealWindow(readTickClock());
    tellWindows(root);
    tellDenials(root);
    root = 0;
  }
  if (id == streamRoot) handOver();
}

/** Whether a context is a root context of this VM that may end. */
export function isRoot(id: u32): bool {
  return id == root || id == streamRoot;
}
