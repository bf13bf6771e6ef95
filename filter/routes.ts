// Requests by route: count, sums of bins, failures. A name is told once it was seen often enough or from enough
// callers (invariant 7); a cell of fewer than CELL_MIN requests is held back and carried over. A full table counts
// under the overflow route, key 0.

import { CELL_MIN, FEATURES, NAME_CALLERS_MIN, NAME_REQUESTS_MIN, ROUTE_MAX, ROUTES_MAX } from "./core/limits";
import { writeBytes, writeClose, writeFixed64, writeOpen, writePackedU32, writeVarint } from "./core/write";
import { isPlainName } from "./parameters";
import { addRow, bindTable, clearTable, endSweep, findRow, isCrowded, moveRow, rowAt } from "./table";

@unmanaged
class Route {
  key: u64 = 0;
  /** Since it was last told. */
  n: u32 = 0;
  failures: u32 = 0;
  /** Since the row is there, towards the release of the name. */
  total: u32 = 0;
  /** Of the callers below, how many are set. */
  callers: u8 = 0;
  /** Requests came since the last sweep. */
  fresh: bool = false;
  nameLength: u16 = 0;
  caller0: u64 = 0;
  caller1: u64 = 0;
  caller2: u64 = 0;

  get sums(): usize {
    return changetype<usize>(this) + 48;
  }
  get name(): usize {
    return changetype<usize>(this) + 48 + 4 * FEATURES;
  }
}

const ROW_BYTES: i32 = 48 + 4 * FEATURES + ROUTE_MAX;
/** The overflow row stands beside the others. */
const CAPACITY: i32 = ROUTES_MAX + 1;
const INDEX_SIZE: i32 = 1024;
const TABLE = bindTable(
  memory.data(24, 8),
  memory.data(CAPACITY * ROW_BYTES, 8),
  ROW_BYTES,
  CAPACITY,
  memory.data(2 * INDEX_SIZE, 8),
  INDEX_SIZE,
);

function routeOf(row: usize): Route {
  return changetype<Route>(row);
}

/** Row 0, key 0. */
function overflow(): Route {
  return routeOf(rowAt(TABLE, 0));
}

/** The template is plain by its making; the method comes from the client. */
function isNameable(name: usize, length: u32): bool {
  let end: u32 = 0;
  while (end < length && load<u8>(name + end) != 0x20) end++;
  return isPlainName(name, end);
}

/** Makes a route known; false if the table is full or the name too long: the request then counts under key 0. */
export function noteRoute(key: u64, name: usize, length: u32): bool {
  if (length > <u32>ROUTE_MAX) return false;
  const known = findRow(TABLE, key);
  if (known != 0) {
    routeOf(known).fresh = true;
    return true;
  }
  const row = addRow(TABLE, key);
  if (row == 0) return false;
  const route = routeOf(row);
  route.fresh = true;
  if (isNameable(name, length)) {
    route.nameLength = <u16>length;
    memory.copy(route.name, name, length);
  }
  return true;
}

function countCaller(route: Route, caller: u64): void {
  if (route.callers >= <u8>NAME_CALLERS_MIN || caller == 0) return;
  if (caller == route.caller0 || caller == route.caller1 || caller == route.caller2) return;
  if (route.callers == 0) route.caller0 = caller;
  else if (route.callers == 1) route.caller1 = caller;
  else route.caller2 = caller;
  route.callers++;
}

/** Counts a request; `bins` is 0 for one that was not measured. */
export function countRoute(key: u64, caller: u64, bins: usize, failed: bool): void {
  const row = findRow(TABLE, key);
  const route = row != 0 ? routeOf(row) : overflow();
  route.n++;
  route.fresh = true;
  if (failed) route.failures++;
  if (route.total < u32.MAX_VALUE) route.total++;
  countCaller(route, caller);
  if (bins == 0) return;
  for (let i: usize = 0; i < <usize>FEATURES; i++) {
    const at = route.sums + (i << 2);
    store<u32>(at, load<u32>(at) + load<u8>(bins + i));
  }
}

/** The key under which a request of this route is counted. */
export function routeKeyHeld(key: u64): u64 {
  return findRow(TABLE, key) != 0 ? key : 0;
}

function mayBeNamed(route: Route): bool {
  return route.total >= <u32>NAME_REQUESTS_MIN || route.callers >= <u8>NAME_CALLERS_MIN;
}

/** Writes the name into a field of the message at work, if it may leave. */
export function writeRouteName(field: u32, key: u64): void {
  const row = findRow(TABLE, key);
  if (row != 0 && mayBeNamed(routeOf(row))) writeBytes(field, routeOf(row).name, routeOf(row).nameLength);
}

function anySum(route: Route): bool {
  for (let i: usize = 0; i < <usize>FEATURES; i++) if (load<u32>(route.sums + (i << 2)) != 0) return true;
  return false;
}

/** Writes the cells that are large enough. */
export function writeRoutes(field: u32): void {
  for (let i: u32 = 0; i < TABLE.used; i++) {
    const route = routeOf(rowAt(TABLE, i));
    if (route.n < <u32>CELL_MIN) continue;
    const opened = writeOpen(field);
    writeFixed64(1, route.key);
    if (mayBeNamed(route)) writeBytes(2, route.name, route.nameLength);
    writeVarint(3, route.n);
    if (anySum(route)) writePackedU32(4, route.sums, FEATURES);
    writeVarint(5, route.failures);
    writeClose(opened);
  }
}

function empty(route: Route): void {
  route.n = 0;
  route.failures = 0;
  memory.fill(route.sums, 0, 4 * FEATURES);
}

function merge(into: Route, from: Route): void {
  into.n += from.n;
  into.failures += from.failures;
  for (let i: usize = 0; i < <usize>FEATURES; i++) {
    const at = into.sums + (i << 2);
    store<u32>(at, load<u32>(at) + load<u32>(from.sums + (i << 2)));
  }
}

/** After the window was written: empties what was told; in a crowded table, folds quiet rows into the overflow row. */
export function sweepRoutes(): void {
  const crowded = isCrowded(TABLE);
  let kept: u32 = 0;
  for (let i: u32 = 0; i < TABLE.used; i++) {
    const route = routeOf(rowAt(TABLE, i));
    if (route.n >= <u32>CELL_MIN) empty(route);
    const stays = !crowded || route.fresh || i == 0;
    route.fresh = false;
    if (stays) moveRow(TABLE, kept++, i);
    else merge(overflow(), route);
  }
  endSweep(TABLE, kept);
}

/** For a new hash key: old keys mean nothing any more; what was held back goes on under the overflow route. */
export function forgetRoutes(): void {
  for (let i: u32 = 1; i < TABLE.used; i++) merge(overflow(), routeOf(rowAt(TABLE, i)));
  endSweep(TABLE, 1);
}

/** For a new target. */
export function clearRoutes(): void {
  clearTable(TABLE);
  addRow(TABLE, 0);
}

clearRoutes();
