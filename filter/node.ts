// Who we are: the node by its Envoy id, the VM by a number drawn at its boot, the process by one that its first VM
// drew.

import { ascii } from "./host/bytes";
import { random64 } from "./host/clock";
import { resultData, resultSize } from "./host/memory";
import { getProperty } from "./host/properties";
import { getShared, putShared } from "./host/shared";
import { copyForeign } from "./host/text";

/** Told in Hello. */
export const FILTER_VERSION: string = "0.1.0";

const NODE_MAX: u32 = 256;
const NODE = memory.data(256, 8);
const NODE_ID = ascii("xds\0node\0id");
const PROCESS = ascii("vedette/1/process");
const SCRATCH = memory.data(8, 8);

export const node: usize = NODE;
export let nodeLength: u32 = 0;

/** Never 0 once the VM is configured. */
export let vmBootId: u64 = 0;
/** 0 until it is known for sure. */
export let processId: u64 = 0;

/** At each configuration. An Envoy without a node id is called `-`, so that Hello stays valid. */
export function learnNode(): void {
  if (vmBootId == 0) vmBootId = max<u64>(1, random64());
  if (getProperty(NODE_ID) && resultSize() > 0) {
    nodeLength = min<u32>(resultSize(), NODE_MAX);
    copyForeign(NODE, resultData(), nodeLength);
  } else {
    nodeLength = 1;
    store<u8>(NODE, 0x2d);
  }
}

/**
 * At each tick until known: takes the process id, or writes one where there is none and reads it back at the next
 * tick.
 */
export function learnProcess(): void {
  const status = getShared(PROCESS);
  if (status == 0 && resultSize() == 8 && load<u64>(resultData()) != 0) {
    processId = load<u64>(resultData());
    return;
  }
  // Absent, or overwritten by something that is none: the last one to write is read back by all.
  store<u64>(SCRATCH, random64() | 1);
  putShared(PROCESS, SCRATCH, 8, 0);
}
