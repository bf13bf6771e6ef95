// Writes protobuf into a buffer of the caller, one message tree at a time. Nothing is ever written beyond the
// capacity: from the first field that does not fit nothing more is written, and writeEnd says so. Values equal to the
// default are left out, as in proto3, except by writeOpen. Output is canonical: fields in the order of the calls,
// shortest lengths.

let begin: usize = 0;
let at: usize = 0;
let end: usize = 0;
let fits: bool = true;

/** Begins a message in `capacity` bytes at `ptr`. */
export function writeBegin(ptr: usize, capacity: i32): void {
  begin = ptr;
  at = ptr;
  end = ptr + capacity;
  fits = true;
}

/** Ends the message: its length in bytes, or -1 if it did not fit. */
export function writeEnd(): i32 {
  return fits ? <i32>(at - begin) : -1;
}

/** Bytes written so far. */
export function writeLength(): i32 {
  return <i32>(at - begin);
}

/** True while everything has fitted. */
export function writeOk(): bool {
  return fits;
}

function room(size: usize): bool {
  if (fits && end - at >= size) return true;
  fits = false;
  return false;
}

function varintSize(value: u64): i32 {
  return value == 0 ? 1 : (70 - <i32>clz<u64>(value)) / 7;
}

function putVarint(value: u64): void {
  while (value >= 0x80) {
    store<u8>(at, <u8>(value | 0x80));
    at++;
    value >>= 7;
  }
  store<u8>(at, <u8>value);
  at++;
}

/** A varint without a tag: an element of a packed array between writeOpen and writeClose. */
export function writeRaw(value: u64): void {
  if (room(varintSize(value))) putVarint(value);
}

/** uint32, uint64, enum, bool, or int64 as its two's complement. Left out if 0. */
export function writeVarint(field: u32, value: u64): void {
  if (value == 0) return;
  const tag = (<u64>field) << 3;
  if (!room(varintSize(tag) + varintSize(value))) return;
  putVarint(tag);
  putVarint(value);
}

/** fixed64. Left out if 0. */
export function writeFixed64(field: u32, value: u64): void {
  if (value == 0) return;
  const tag = ((<u64>field) << 3) | 1;
  if (!room(varintSize(tag) + 8)) return;
  putVarint(tag);
  store<u64>(at, value);
  at += 8;
}

/** bytes or string. Left out if empty. */
export function writeBytes(field: u32, ptr: usize, len: i32): void {
  if (len > 0) writeBytesAlways(field, ptr, len);
}

/** bytes, string or a message already serialized, also if empty: for an element of a repeated field. */
export function writeBytesAlways(field: u32, ptr: usize, len: i32): void {
  const tag = ((<u64>field) << 3) | 2;
  if (!room(varintSize(tag) + varintSize(len) + len)) return;
  putVarint(tag);
  putVarint(len);
  memory.copy(at, ptr, len);
  at += len;
}

/** An ASCII text that is constant data. Left out if empty. */
export function writeText(field: u32, text: string): void {
  const size = text.length;
  if (size == 0) return;
  const tag = ((<u64>field) << 3) | 2;
  if (!room(varintSize(tag) + varintSize(size) + size)) return;
  putVarint(tag);
  putVarint(size);
  const from = changetype<usize>(text);
  for (let i = 0; i < size; i++) store<u8>(at + i, load<u8>(from + ((<usize>i) << 1)));
  at += size;
}

/** Opens a nested message or packed array; give the result to writeClose. */
export function writeOpen(field: u32): usize {
  const tag = ((<u64>field) << 3) | 2;
  if (!room(varintSize(tag) + 1)) return 0;
  putVarint(tag);
  at++;
  return at;
}

/** Closes what writeOpen opened: fills in its length, moving the content where the length needs more than a byte. */
export function writeClose(opened: usize): void {
  if (!fits || opened == 0) return;
  const size = at - opened;
  const extra = varintSize(size) - 1;
  if (extra > 0) {
    if (!room(extra)) return;
    memory.copy(opened + extra, opened, size);
  }
  at = opened - 1;
  putVarint(size);
  at += size;
}

/** A packed array of `count` u32 at `ptr`; zeros are written. Left out if count is 0. */
export function writePackedU32(field: u32, ptr: usize, count: i32): void {
  if (count <= 0) return;
  const opened = writeOpen(field);
  for (let i = 0; i < count; i++) writeRaw(load<u32>(ptr + ((<usize>i) << 2)));
  writeClose(opened);
}

/** A packed array of `count` u64 at `ptr`; zeros are written. Left out if count is 0. */
export function writePackedU64(field: u32, ptr: usize, count: i32): void {
  if (count <= 0) return;
  const opened = writeOpen(field);
  for (let i = 0; i < count; i++) writeRaw(load<u64>(ptr + ((<usize>i) << 3)));
  writeClose(opened);
}
