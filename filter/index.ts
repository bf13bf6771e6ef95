// Vedette's filter: what Envoy calls. Every callback begins by emptying the arena, and none is exported that does
// nothing, since each costs an entry for every request. State is that of the VM; a new root context of the same VM
// goes on with it.

import { allocate, enter } from "./host/memory";
import { dropRequest, logRequest, takeRequest } from "./request";
import { configure, endRoot, grpcClose, grpcReceive, isRoot, queueReady, tick } from "./vm";

const CONTINUE: u32 = 0;
const STOP: u32 = 1;

export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_memory_allocate(size: u32): usize {
  return allocate(size);
}

/** Always accepted: Envoy would stop, or answer every request with 500, for a refused one. */
export function proxy_on_configure(id: u32, size: u32): u32 {
  enter();
  configure(id, size);
  return 1;
}

export function proxy_on_tick(id: u32): void {
  enter();
  tick(id);
}

export function proxy_on_queue_ready(id: u32, queue: u32): void {
  enter();
  queueReady(id, queue);
}

export function proxy_on_grpc_receive(id: u32, token: u32, size: u32): void {
  enter();
  grpcReceive(id, token, size);
}

export function proxy_on_grpc_close(_id: u32, token: u32, status: u32): void {
  enter();
  grpcClose(token, status);
}

export function proxy_on_request_headers(id: u32, _count: u32, _end: u32): u32 {
  enter();
  return takeRequest(id) ? CONTINUE : STOP;
}

export function proxy_on_log(id: u32): void {
  enter();
  logRequest(id);
}

export function proxy_on_done(id: u32): u32 {
  enter();
  if (isRoot(id)) endRoot(id);
  else dropRequest(id);
  return 1;
}
