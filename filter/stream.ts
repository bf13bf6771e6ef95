// The one stream of the process, while this VM owns it: opened from a tick, given up with the lease, opened again
// after a backoff with full jitter. Frames of other VMs pass through; only their outermost field is looked at.

import { config, configErrors } from "./config";
import { configError, configErrorLength } from "./config-reader";
import { featureHash } from "./core/feature";
import {
  FIXED64,
  isField,
  LENGTH,
  readBegin,
  readEnter,
  readField,
  readLeave,
  readNumber,
  readOk,
  readValue,
  VARINT,
} from "./core/read";
import { writeBytes, writeClose, writeFixed64, writeOpen, writeRaw, writeText, writeVarint } from "./core/write";
import { totals } from "./counts";
import { random64 } from "./host/clock";
import { cancelStream, closeStream, openStream } from "./host/grpc";
import { fetch, fieldAt, fieldEnd, fieldKind, fieldLength, fieldNumber, readFieldAt } from "./host/grpc-message";
import { endLine, INFO, line } from "./host/log";
import { allocate, release, resultData, resultSize } from "./host/memory";
import { dequeue, registerQueue } from "./host/queue";
import { put, putDecimal } from "./host/text";
import { giveLeaseBack, leaseCounter, owning } from "./lease";
import { FILTER_VERSION, node, nodeLength, processId, vmBootId } from "./node";
import { writeHeld } from "./pulse";
import { acknowledgeWindow, forgetFlights } from "./ring";
import { takeUpdate } from "./updates";
import { beginFrame, endFrame, sendFrame, setStream, streamRoot, token, UP } from "./uplink";
import { BELL_RESEND, ringAcknowledged, ringAll } from "./vm-slots";

const PROTOCOL_VERSION: u64 = 1;
const BACKOFF_NS: u64 = 500000000;
const BACKOFF_MAX_NS: u64 = 30000000000;
/** Frames of other VMs that one callback takes; the rest waits for the next. */
const FORWARDS_MAX: i32 = 256;
/** Fields of one message that are looked at. */
const FIELDS_MAX: i32 = 64;
const ACKS_BYTES_MAX: u32 = 65536;

let backoffNs: u64 = BACKOFF_NS;
let retryNs: u64 = 0;
/** The stream was open at the last look. */
let wasOpen: bool = false;
/** Token of the queue of frames from other VMs, and the root context that is woken for it. */
let upQueue: u32 = 0;
let upRoot: u32 = 0;

/** Sets the time of the next attempt: anywhere within the backoff, which doubles. */
function retryLater(nowNs: u64): void {
  wasOpen = false;
  retryNs = nowNs + (random64() % backoffNs);
  backoffNs = min<u64>(2 * backoffNs, BACKOFF_MAX_NS);
}

function writeCapabilities(): void {
  const opened = writeOpen(2);
  if (ASC_FEATURE_SIMD) writeRaw(1);
  for (let capability = 2; capability <= 4; capability++) writeRaw(capability);
  writeClose(opened);
}

function sendHello(): bool {
  beginFrame();
  const opened = writeOpen(2);
  writeVarint(1, PROTOCOL_VERSION);
  writeCapabilities();
  writeBytes(3, config.mesh, config.meshLength);
  writeBytes(4, node, nodeLength);
  writeFixed64(5, processId);
  writeFixed64(6, vmBootId);
  writeBytes(7, config.target, config.targetLength);
  writeVarint(8, config.direction);
  writeText(9, FILTER_VERSION);
  writeFixed64(10, featureHash());
  writeHeld(11);
  writeBytes(12, configError, configErrorLength);
  writeVarint(13, configErrors);
  writeClose(opened);
  return endFrame();
}

function connect(root: u32, nowNs: u64): void {
  const opened = openStream(config.cluster, config.clusterLength, config.authority, config.authorityLength);
  if (opened == 0) {
    retryLater(nowNs);
    return;
  }
  setStream(opened, root);
  wasOpen = true;
  totals.streamsOpened++;
  line("stream opened lease=");
  putDecimal(leaseCounter);
  endLine(INFO);
  if (!sendHello()) return;
  forgetFlights();
  ringAll(BELL_RESEND, nowNs);
}

/** At each tick, after the lease was looked at: opens the stream, or gives up one that is not ours any more. */
export function keepStream(root: u32, nowNs: u64): void {
  if (!owning) {
    if (token != 0 && streamRoot == root) cancelStream(token);
    if (streamRoot == root) setStream(0, 0);
    wasOpen = false;
    upRoot = 0;
    return;
  }
  if (upRoot != root) {
    upQueue = registerQueue(UP);
    upRoot = root;
  }
  if (token != 0) return;
  if (wasOpen) retryLater(nowNs);
  if (nowNs >= retryNs && processId != 0 && config.targetLength > 0) connect(root, nowNs);
}

/** Whether a queue is the one for frames of other VMs. */
export function isUpQueue(queue: u32): bool {
  return queue == upQueue && owning;
}

let frameKind: u32 = 0;

/** Whether a frame is one known field and nothing else: what anyone else puts there must not end the stream. */
function isFrame(at: usize, size: i32): bool {
  readBegin(at, size);
  if (!readField()) return false;
  frameKind = readNumber();
  return frameKind >= 3 && frameKind <= 7 && isField(frameKind, LENGTH) && !readField() && readOk();
}

/** Counts the denials in a frame that finds no stream. */
function countLost(at: usize, size: i32): void {
  if (frameKind != 7) return;
  readBegin(at, size);
  readField();
  const outer = readEnter();
  while (readField()) if (isField(1, LENGTH)) totals.denialsDropped++;
  readLeave(outer);
}

/** Passes on what other VMs have put into the queue. Without a stream it is dropped: windows will be sent again. */
export function forwardFrames(): void {
  if (!owning || upQueue == 0) return;
  for (let i = 0; i < FORWARDS_MAX && dequeue(upQueue); i++) {
    const at = resultData();
    const size = <i32>resultSize() - 8;
    if (size > 0 && isFrame(at + 8, size) && !sendFrame(at, size)) countLost(at + 8, size);
    release(at);
  }
}

/** One WindowAck that the reader stands before. */
function takeAck(nowNs: u64): void {
  let bootId: u64 = 0;
  let sequence: u64 = 0;
  const outer = readEnter();
  while (readField()) {
    if (isField(1, FIXED64)) bootId = readValue();
    else if (isField(2, VARINT)) sequence = readValue();
  }
  readLeave(outer);
  if (bootId == vmBootId) acknowledgeWindow(sequence);
  else ringAcknowledged(bootId, sequence, nowNs);
}

function takeAcks(start: u32, size: u32, nowNs: u64): void {
  const at = size <= ACKS_BYTES_MAX ? allocate(size) : 0;
  if (at == 0 || !fetch(start, size, at)) return;
  readBegin(at, size);
  while (readField()) if (isField(1, LENGTH)) takeAck(nowNs);
}

/** A message of the stream has come. */
export function receive(fromToken: u32, size: u32, nowNs: u64): void {
  if (fromToken != token) return;
  backoffNs = BACKOFF_NS;
  let next: u32 = 0;
  for (let i = 0; i < FIELDS_MAX && next < size; i++) {
    if (!readFieldAt(next, size)) return;
    next = fieldEnd;
    if (fieldKind != LENGTH) continue;
    if (fieldNumber == 1) takeUpdate(fieldAt, fieldEnd, nowNs);
    else if (fieldNumber == 2) takeAcks(fieldAt, fieldLength, nowNs);
  }
}

/** The other side has ended a stream. One that is not ours was never given to us, or given up. */
export function closed(closedToken: u32, status: u32, nowNs: u64): void {
  closeStream(closedToken);
  if (closedToken != token) return;
  setStream(0, 0);
  line("stream closed status=");
  putDecimal(status);
  endLine(INFO);
  retryLater(nowNs);
}

/** The root context that owns the stream ends, or another has taken its place: its stream would end without a word. */
export function handOver(): void {
  if (token != 0) closeStream(token);
  setStream(0, 0);
  wasOpen = false;
  upRoot = 0;
  retryNs = 0;
  backoffNs = BACKOFF_NS;
  giveLeaseBack();
}
