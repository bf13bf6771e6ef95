// Shared data: a map for all VMs with the same VM id, also those of other vendors' filters. Whatever is read here
// must be checked.

import { OK, proxy_get_shared_data, proxy_set_shared_data } from "./abi";
import { lengthOf } from "./bytes";
import { direct, expectResult, RESULT_DATA, RESULT_NUMBER, RESULT_SIZE, resultSize } from "./memory";

/** Reads a value: status; result and number (for `putShared`) are those of memory.ts. */
export function getShared(key: usize): u32 {
  expectResult();
  return proxy_get_shared_data(key, lengthOf(key), RESULT_DATA, RESULT_SIZE, RESULT_NUMBER);
}

/** As `getShared`, but the value goes to `at`, if it has at most `size` bytes. */
export function getSharedAt(key: usize, at: usize, size: u32): u32 {
  expectResult();
  direct(at, size);
  return proxy_get_shared_data(key, lengthOf(key), RESULT_DATA, RESULT_SIZE, RESULT_NUMBER);
}

/** Writes if nobody wrote since the read that gave `cas`; 0 writes whatever is there. */
export function putShared(key: usize, value: usize, size: u32, cas: u32): bool {
  return proxy_set_shared_data(key, lengthOf(key), value, size, cas) == OK;
}
