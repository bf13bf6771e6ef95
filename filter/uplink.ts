// The way up for frames of this VM: by the stream, if it is ours, else by the queue of the VM that owns it. A frame
// on the queue has the sender's boot id in front, 8 bytes, in the very place where the owner then writes the lease
// counter: no copy is made.

import { writeBegin, writeEnd } from "./core/write";
import { ascii } from "./host/bytes";
import { cancelStream, sendMessage } from "./host/grpc";
import { allocate, release, remaining } from "./host/memory";
import { enqueue, resolveQueue } from "./host/queue";
import { leaseCounter, owned, owning } from "./lease";
import { vmBootId } from "./node";

export const UP = ascii("vedette/1/up");
const PREFIX: u32 = 8;

let up: u32 = 0;
let frame: usize = 0;

/** The stream of this VM: token and the root context it belongs to; 0 for none. */
export let token: u32 = 0;
export let streamRoot: u32 = 0;

export function setStream(newToken: u32, root: u32): void {
  token = newToken;
  streamRoot = root;
}

/** Whether a frame would find a way now. */
export function canSend(root: u32): bool {
  return owning ? token != 0 && streamRoot == root : owned;
}

/** Begins a ConnectRequest without its lease counter; the writer of core/write.ts is then at work. */
export function beginFrame(): void {
  const size = remaining();
  frame = allocate(size);
  // Without room nothing fits, and endFrame says so.
  writeBegin(frame + PREFIX, size > PREFIX ? size - PREFIX : 0);
}

/** Ends and sends it; false if it did not fit or found no way. */
export function endFrame(): bool {
  const size = writeEnd();
  let sent = false;
  if (size > 0) sent = owning ? sendFrame(frame, size) : owned && passOn(size);
  release(frame);
  return sent;
}

function passOn(size: u32): bool {
  if (up == 0) up = resolveQueue(UP);
  store<u64>(frame, vmBootId);
  return up != 0 && enqueue(up, frame, size + PREFIX);
}

/**
 * Sends a frame of `size` bytes that begins behind 8 free bytes; the lease counter (field 1) goes into the last of
 * these.
 */
export function sendFrame(at: usize, size: u32): bool {
  if (token == 0) return false;
  let digits: u32 = 1;
  // 7 bytes hold 2^49 owners.
  let counter = leaseCounter & 0x1ffffffffffff;
  for (let rest = counter >> 7; rest != 0; rest >>= 7) digits++;
  const start = at + PREFIX - 1 - digits;
  store<u8>(start, 0x08);
  for (let i: u32 = 1; i <= digits; i++) {
    store<u8>(start + i, <u8>(i < digits ? (counter & 0x7f) | 0x80 : counter));
    counter >>= 7;
  }
  // Any error counts as closed: after a configuration update no close would come for the old root's stream.
  if (sendMessage(token, start, size + 1 + digits)) return true;
  cancelStream(token);
  setStream(0, 0);
  return false;
}
