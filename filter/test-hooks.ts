// The test build's second entry: turns the hooks on that config-reader.ts and request.ts know, and tells what was
// allocated. Nothing of this is in any other build.

// @ts-ignore: build.mjs adds this counter to the runtime of the test build.
import { allocations } from "rt/stub";
import { overflows } from "./host/memory";

// @ts-ignore: decorator
@global
export const VEDETTE_TEST: bool = true;

/** Allocations by the compiler's runtime since boot, `new` and heap.alloc alike. */
export function test_allocations(): i32 {
  return allocations;
}

/** Allocations that the host asked for and the arena refused. */
export function test_arena_overflows(): u32 {
  return overflows;
}
