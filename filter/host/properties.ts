// Properties of a request or of the node. A path's parts are parted by NUL.

import { OK, proxy_get_property, proxy_set_property } from "./abi";
import { lengthOf } from "./bytes";
import { expectResult, RESULT_DATA, RESULT_SIZE, resultData, resultSize } from "./memory";

/** Whether the property is there; its bytes are then the result. */
export function getProperty(path: usize): bool {
  expectResult();
  return proxy_get_property(path, lengthOf(path), RESULT_DATA, RESULT_SIZE) == OK && resultData() != 0;
}

/** An integer property, or -1 if it is absent or of another kind. */
export function getInteger(path: usize): i64 {
  return getProperty(path) && resultSize() == 8 ? load<i64>(resultData()) : -1;
}

/** Sets filter state `wasm.<name>` of the request. */
export function setFilterState(name: usize, value: usize, size: u32): void {
  proxy_set_property(name, lengthOf(name), value, size);
}
