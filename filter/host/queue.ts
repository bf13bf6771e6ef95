// Shared queues: the host wakes the VM that registered last, and sets no bound; senders do.

import {
  OK,
  proxy_dequeue_shared_queue,
  proxy_enqueue_shared_queue,
  proxy_register_shared_queue,
  proxy_resolve_shared_queue,
} from "./abi";
import { lengthOf } from "./bytes";
import { expectResult, RESULT_DATA, RESULT_NUMBER, RESULT_SIZE, resultNumber } from "./memory";

/** The token, or 0. The caller's root context is the one that is woken. */
export function registerQueue(name: usize): u32 {
  expectResult();
  return proxy_register_shared_queue(name, lengthOf(name), RESULT_NUMBER) == OK ? resultNumber() : 0;
}

/** The token of a queue that some VM with the same VM id has registered, or 0. */
export function resolveQueue(name: usize): u32 {
  expectResult();
  return proxy_resolve_shared_queue(0, 0, name, lengthOf(name), RESULT_NUMBER) == OK ? resultNumber() : 0;
}

export function enqueue(token: u32, message: usize, size: u32): bool {
  return proxy_enqueue_shared_queue(token, message, size) == OK;
}

/** Takes the next message, which is then the result. */
export function dequeue(token: u32): bool {
  expectResult();
  return proxy_dequeue_shared_queue(token, RESULT_DATA, RESULT_SIZE) == OK;
}
