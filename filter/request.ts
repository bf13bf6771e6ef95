// One request: at its headers it is classified, measured, judged, and remembered in a slot; at its log it is
// counted. No allocation, no trap, at most three hostcalls at the headers and one at the log for a request that is
// plainly allowed.

import { callerClass, callerGroupOf, callerKey, callerLength, callerName, forgetCaller, readCaller } from "./caller";
import { noteCaller } from "./callers";
import { config, DIRECTION_SERVER } from "./config";
import { countContexts } from "./contexts";
import { BEYOND_TABLE, BINS, WAS_CUT } from "./core/extract";
import { keyOf } from "./core/hash";
import { FEATURES, NO_SCORE, ROUTE_MAX } from "./core/limits";
import { putRoute, ROUTE_BUFFER } from "./core/route";
import { segmentsBeyond } from "./core/segment";
import { MODE_OFF } from "./core/settings";
import { VERDICT_ALLOW, VERDICT_DENY, VERDICT_SHADOW_DENY, verdictOf } from "./core/verdict";
import {
  BOUND_CALLERS,
  BOUND_PARAMETERS,
  BOUND_ROUTES,
  BOUND_SCANNED,
  SKIP_CLIENT_SIDE,
  SKIP_GRPC,
  SKIP_HOSTCALL,
  SKIP_MODE_OFF,
  SKIP_NO_MODEL,
  SKIP_NO_SLOT,
  SKIP_OVERSIZE,
  SKIP_UPGRADE,
} from "./counts";
import { ascii } from "./host/bytes";
import {
  clientCert,
  clientCertLength,
  HEADERS_FAILED,
  HEADERS_OVERSIZE,
  isConnect,
  isGrpc,
  isRetry,
  isTrap,
  isUpgrade,
  method,
  methodLength,
  path,
  pathLength,
  readHeaders,
  requestId,
  requestIdLength,
} from "./host/headers";
import { getInteger } from "./host/properties";
import { deny } from "./host/reply";
import {
  candidateScore,
  extraction,
  heldBack,
  judgeOversize,
  judgeRequest,
  leaveUnmeasured,
  measureRequest,
  requestScore,
} from "./judgement";
import { plainNameKeys } from "./parameters";
import { noteRoute } from "./routes";
import { findSlot, oweLog, releaseSlot, Slot, settleDebt, slotInTheWay, takeSlot } from "./slots";
import { currentModel, generation, key0, key1, keyed, mode } from "./snapshot";
import { boundBit, countAnsweredBefore, countExchange, countRequest } from "./statistics";
import { isPlain, tell } from "./telling";

const RESPONSE_CODE = ascii("response\0code");
const GRPC_STATUS = ascii("response\0grpc_status");
const ROUTE = memory.data(ROUTE_BUFFER, 8);
let routeLength: i32 = 0;

/** Names the route at ROUTE; answers its key, 0 for the overflow route and without a hash key. */
function nameRoute(grpc: bool): u64 {
  routeLength = putRoute(method, methodLength, path, pathLength, grpc, ROUTE);
  return keyed && routeLength <= ROUTE_MAX ? keyOf(ROUTE, routeLength, key0, key1) : 0;
}

/** The oldest request gives way: it is counted without its end, and its log will be awaited. */
function makeRoom(): void {
  const oldest = slotInTheWay();
  if (oldest == null) return;
  if (!oldest.settled) {
    oldest.skip = SKIP_NO_SLOT;
    countRequest(oldest);
  }
  releaseSlot(oldest);
  oweLog();
}

/** Why a request whose headers were read is not measured; 0 if it is. */
function classify(outcome: i32): u8 {
  if (config.direction != DIRECTION_SERVER) return SKIP_CLIENT_SIDE;
  if (outcome == HEADERS_OVERSIZE) return SKIP_OVERSIZE;
  if (isConnect()) return SKIP_UPGRADE;
  return isGrpc() ? SKIP_GRPC : 0;
}

function measure(slot: Slot): void {
  measureRequest(slot.routeKey);
  slot.measured = true;
  memory.copy(slot.bins, BINS, FEATURES);
  if (keyed) {
    slot.names = plainNameKeys(slot.nameKeys, key0, key1);
    if (segmentsBeyond()) slot.bounds |= boundBit(BOUND_PARAMETERS);
  }
  if ((extraction & WAS_CUT) != 0) slot.bounds |= boundBit(BOUND_SCANNED);
  if ((extraction & BEYOND_TABLE) != 0) slot.bounds |= boundBit(BOUND_PARAMETERS);
  if (currentModel() == 0) slot.skip = SKIP_NO_MODEL;
}

/** Reads the caller, for rules, contexts, denials and the log. Headers that were not read whole name nobody. */
function takeCaller(slot: Slot, outcome: i32): void {
  if (keyed) readCaller(clientCert, outcome == HEADERS_FAILED ? 0 : clientCertLength);
  else forgetCaller();
  slot.callerKey = callerKey;
  if (callerKey != 0 && !noteCaller(callerKey, callerClass, callerName, callerLength)) {
    slot.bounds |= boundBit(BOUND_CALLERS);
  }
}

function decide(slot: Slot): void {
  let judgement = config.direction == DIRECTION_SERVER ? judgeRequest(slot.routeKey) : VERDICT_ALLOW;
  if (slot.skip == SKIP_OVERSIZE) judgement = judgeOversize(judgement);
  slot.judgement = judgement;
  const passes = verdictOf(judgement) == VERDICT_ALLOW;
  const teaches = passes && slot.measured && !slot.retry && keyed;
  slot.held = teaches && heldBack;
  if (teaches) countContexts(callerGroupOf(callerKey), slot.held);
  if (!isPlain(judgement)) tell(judgement, slot.routeKey);
  // What is not to be learnt from makes no route known: a scan would fill the table.
  if (!passes || slot.held || !keyed) return;
  if (!noteRoute(slot.routeKey, ROUTE, routeLength)) slot.bounds |= boundBit(BOUND_ROUTES);
}

function judgeSlot(slot: Slot): void {
  const outcome = readHeaders();
  if (isDefined(VEDETTE_TEST)) testHooks();
  leaveUnmeasured();
  slot.score = slot.candidateScore = NO_SCORE;
  slot.judgement = VERDICT_ALLOW;
  takeCaller(slot, outcome);
  if (outcome == HEADERS_FAILED) {
    slot.skip = SKIP_HOSTCALL;
    return;
  }
  slot.retry = isRetry;
  slot.skip = classify(outcome);
  slot.grpc = slot.skip == SKIP_GRPC;
  slot.routeKey = nameRoute(isGrpc());
  if (slot.skip == 0) measure(slot);
  slot.score = requestScore;
  slot.candidateScore = candidateScore;
  slot.generation = generation;
  decide(slot);
  if (isUpgrade()) settleUpgrade(slot);
}

/** Its end may be hours away, and its answer says little: what passes is counted and learnt from with its headers. */
function settleUpgrade(slot: Slot): void {
  if (verdictOf(slot.judgement) == VERDICT_DENY) return;
  countExchange(slot, 0, false);
  slot.settled = true;
}

/** At the headers of a request: whether it goes on. */
export function takeRequest(id: u32): bool {
  makeRoom();
  const slot = takeSlot(id);
  if (mode() == MODE_OFF) {
    slot.skip = SKIP_MODE_OFF;
    slot.judgement = VERDICT_ALLOW;
    return true;
  }
  judgeSlot(slot);
  if (verdictOf(slot.judgement) != VERDICT_DENY) return true;
  if (deny(requestId, requestIdLength, isGrpc())) return false;
  // The host refuses to answer for us: it passes, and is counted as what it is.
  slot.judgement = (slot.judgement & ~15) | VERDICT_SHADOW_DENY;
  return true;
}

/** Reads how the request ended, and counts it. */
function settle(slot: Slot): void {
  if (slot.settled) return;
  if (slot.skip == SKIP_MODE_OFF || verdictOf(slot.judgement) == VERDICT_DENY) {
    countExchange(slot, 0, false);
    return;
  }
  let code: i64 = 0;
  let failed = false;
  const status = slot.grpc ? getInteger(GRPC_STATUS) : -1;
  if (status >= 0) {
    // A gRPC answer is HTTP 200 whatever its status: one hostcall tells both.
    code = 200;
    failed = status != 0;
  } else {
    code = getInteger(RESPONSE_CODE);
    failed = code >= 500;
  }
  countExchange(slot, code, failed);
}

/** At the log of a request. */
export function logRequest(id: u32): void {
  const slot = findSlot(id);
  if (slot != null) {
    settle(slot);
    releaseSlot(slot);
  } else if (!settleDebt()) countAnsweredBefore(mode() == MODE_OFF ? 0 : getInteger(RESPONSE_CODE));
}

/** At the end of a request: lets the slot go if the log never came. */
export function dropRequest(id: u32): void {
  const slot = findSlot(id);
  if (slot == null) return;
  if (!slot.settled) countRequest(slot);
  releaseSlot(slot);
}

let planted: usize = 0;

/** What the test build does on purpose: a trap, an allocation. */
function testHooks(): void {
  if (config.testTrap && isTrap) unreachable();
  if (config.testAllocate) planted = changetype<usize>(new ArrayBuffer(16));
}
