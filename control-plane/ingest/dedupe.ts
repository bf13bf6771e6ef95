// Which windows of a node have been taken: for each boot id a watermark, at or below which everything counts as seen,
// and a bitmap of the 64 numbers above it. Gaps are legal, since the ring of a sidecar drops windows; a number that
// falls 64 behind is given up.

/** Boot ids remembered for one node; a process has at most 64 VMs. The one that was quiet longest goes. */
export const BOOTS_MAX = 64;
const BITS = 64;

export interface Boot {
  vmBootId: string;
  watermark: number;
  /** Bit i: watermark + 1 + i was seen. Two halves of 32 bits, low one first. */
  seen: [number, number];
  lastMs: number;
  /** Windows that this VM said it has dropped. */
  dropped: number;
}

/** Boots of one node under one identity, in no order. */
export interface DedupeRecord {
  boots: Boot[];
}

/** The boot after `windowSeq` was taken, or undefined if it was before. `windowSeq` is 1 to 2^53 - 1. */
export function take(boot: Boot, windowSeq: number): Boot | undefined {
  if (windowSeq <= boot.watermark) return undefined;
  // Differences, never sums: exact up to 2^53 - 1.
  let { watermark } = boot;
  let bits = BigInt(boot.seen[0]) | (BigInt(boot.seen[1]) << 32n);
  const beyond = windowSeq - watermark - BITS;
  if (beyond > 0) {
    watermark += beyond;
    bits = beyond >= BITS ? 0n : bits >> BigInt(beyond);
  }
  const bit = 1n << BigInt(windowSeq - watermark - 1);
  if ((bits & bit) !== 0n) return undefined;
  bits |= bit;
  while ((bits & 1n) === 1n) {
    bits >>= 1n;
    watermark++;
  }
  return { ...boot, watermark, seen: [Number(bits & 0xffff_ffffn), Number(bits >> 32n)] };
}

export interface Taken {
  record: DedupeRecord;
  fresh: boolean;
  /** By how much the number of windows that the VM has dropped grew. */
  droppedMore: number;
}

/**
 * Takes one window of one VM, and what it says of its dropped ones; at the bound the VM quiet longest is forgotten,
 * ties by boot id.
 */
export function takeWindow(
  record: DedupeRecord | undefined,
  window: { vmBootId: string; windowSeq: number; windowsDropped: number },
  nowMs: number,
): Taken {
  const { vmBootId, windowSeq, windowsDropped } = window;
  const boots = record?.boots ?? [];
  const known = boots.find((boot) => boot.vmBootId === vmBootId);
  const before: Boot = known ?? { vmBootId, watermark: 0, seen: [0, 0], lastMs: nowMs, dropped: 0 };
  const taken = take(before, windowSeq);
  const dropped = Math.max(before.dropped, windowsDropped);
  const after: Boot = { ...(taken ?? before), lastMs: Math.max(before.lastMs, nowMs), dropped };
  const others = boots.filter((boot) => boot.vmBootId !== vmBootId);
  if (others.length >= BOOTS_MAX) others.splice(others.indexOf(quietest(others)), 1);
  return { record: { boots: [...others, after] }, fresh: taken !== undefined, droppedMore: dropped - before.dropped };
}

function quietest(boots: Boot[]): Boot {
  return boots.reduce((a, b) => (b.lastMs < a.lastMs || (b.lastMs === a.lastMs && b.vmBootId < a.vmBootId) ? b : a));
}

/** True if no VM of the node has been heard for so long. */
export function isQuiet(record: DedupeRecord, sinceMs: number): boolean {
  return record.boots.every((boot) => boot.lastMs < sinceMs);
}
