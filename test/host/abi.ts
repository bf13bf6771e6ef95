// The proxy-wasm ABI 0.2.1 as Envoy 1.40 links it: every hostcall and callback with its exact type, statuses,
// enumerations. A module that imports or exports something else under these names is refused at load, here as there.

import type { WasmTypes } from "./wasm-types.ts";

/** WasmResult of proxy-wasm-cpp-host. */
export const Status = {
  Ok: 0,
  NotFound: 1,
  BadArgument: 2,
  SerializationFailure: 3,
  ParseFailure: 4,
  InvalidMemoryAccess: 6,
  Empty: 7,
  CasMismatch: 8,
  InternalFailure: 10,
  Unimplemented: 12,
} as const;

export const BufferType = { HttpRequestBody: 0, GrpcReceive: 5, VmConfiguration: 6, PluginConfiguration: 7 } as const;
export const MapType = { RequestHeaders: 0, ResponseHeaders: 2 } as const;

/** What the host offers under module `env`. */
export const HOSTCALLS: Record<string, string> = {
  proxy_log: "iii>i",
  proxy_get_log_level: "i>i",
  proxy_get_status: "iii>i",
  proxy_get_property: "iiii>i",
  proxy_set_property: "iiii>i",
  proxy_send_local_response: "iiiiiiii>i",
  proxy_get_shared_data: "iiiii>i",
  proxy_set_shared_data: "iiiii>i",
  proxy_register_shared_queue: "iii>i",
  proxy_resolve_shared_queue: "iiiii>i",
  proxy_dequeue_shared_queue: "iii>i",
  proxy_enqueue_shared_queue: "iii>i",
  proxy_get_header_map_value: "iiiii>i",
  proxy_add_header_map_value: "iiiii>i",
  proxy_replace_header_map_value: "iiiii>i",
  proxy_remove_header_map_value: "iii>i",
  proxy_get_header_map_pairs: "iii>i",
  proxy_set_header_map_pairs: "iii>i",
  proxy_get_header_map_size: "ii>i",
  proxy_get_buffer_status: "iii>i",
  proxy_get_buffer_bytes: "iiiii>i",
  proxy_set_buffer_bytes: "iiiii>i",
  proxy_http_call: "iiiiiiiiii>i",
  proxy_grpc_call: "iiiiiiiiiiii>i",
  proxy_grpc_stream: "iiiiiiiii>i",
  proxy_grpc_send: "iiii>i",
  proxy_grpc_close: "i>i",
  proxy_grpc_cancel: "i>i",
  proxy_set_tick_period_milliseconds: "i>i",
  proxy_get_current_time_nanoseconds: "i>i",
  proxy_define_metric: "iiii>i",
  proxy_increment_metric: "iI>i",
  proxy_record_metric: "iI>i",
  proxy_get_metric: "ii>i",
  proxy_set_effective_context: "i>i",
  proxy_done: ">i",
  proxy_call_foreign_function: "iiiiii>i",
  proxy_continue_stream: "i>i",
  proxy_close_stream: "i>i",
};

/** What the host offers under `wasi_snapshot_preview1` and our filter may want. */
export const WASI: Record<string, string> = {
  clock_time_get: "iIi>i",
  random_get: "ii>i",
  fd_write: "iiii>i",
  proc_exit: "i>",
};

/** What the host looks up by name; looked up with this type, else the module is refused. */
export const CALLBACKS: Record<string, string> = {
  _initialize: ">",
  malloc: "i>i",
  proxy_on_memory_allocate: "i>i",
  proxy_abi_version_0_2_1: ">",
  proxy_on_vm_start: "ii>i",
  proxy_validate_configuration: "ii>i",
  proxy_on_configure: "ii>i",
  proxy_on_tick: "i>",
  proxy_on_context_create: "ii>",
  proxy_on_new_connection: "i>i",
  proxy_on_downstream_data: "iii>i",
  proxy_on_upstream_data: "iii>i",
  proxy_on_downstream_connection_close: "ii>",
  proxy_on_upstream_connection_close: "ii>",
  proxy_on_request_headers: "iii>i",
  proxy_on_request_body: "iii>i",
  proxy_on_request_trailers: "ii>i",
  proxy_on_request_metadata: "ii>i",
  proxy_on_response_headers: "iii>i",
  proxy_on_response_body: "iii>i",
  proxy_on_response_trailers: "ii>i",
  proxy_on_response_metadata: "ii>i",
  proxy_on_http_call_response: "iiiii>",
  proxy_on_grpc_receive_initial_metadata: "iii>",
  proxy_on_grpc_receive_trailing_metadata: "iii>",
  proxy_on_grpc_receive: "iii>",
  proxy_on_grpc_close: "iii>",
  proxy_on_queue_ready: "ii>",
  proxy_on_foreign_function: "iii>",
  proxy_on_done: "i>i",
  proxy_on_log: "i>",
  proxy_on_delete: "i>",
};

/** Hostcalls that may be made while the module initializes; anything else is a trap. */
export const ALLOWED_IN_INITIALIZE = new Set(["proxy_log", "clock_time_get", "random_get", "fd_write"]);
/** Hostcalls that may be made from within `malloc`, which the host calls in the middle of other hostcalls. */
export const ALLOWED_IN_MALLOC = new Set(["proxy_log", "clock_time_get", "fd_write"]);

/**
 * Why Envoy would refuse this module, one line each; empty if it links. `extra` names import modules that a test
 * provides itself.
 */
export function linkErrors(types: WasmTypes, extra: string[] = []): string[] {
  const errors: string[] = [];
  for (const { module, name, kind, signature } of types.imports) {
    if (extra.includes(module)) continue;
    const table = module === "env" ? HOSTCALLS : module === "wasi_snapshot_preview1" ? WASI : {};
    const want = table[name];
    if (kind !== "func" || want === undefined) errors.push(`missing import: ${module}.${name}`);
    else if (want !== signature) {
      errors.push(`import type mismatch: ${module}.${name}, want: ${signature}, but host exports: ${want}`);
    }
  }
  const names = new Set(types.exports.map((entry) => entry.name));
  for (const { name, kind, signature } of types.exports) {
    const want = CALLBACKS[name];
    if (want !== undefined && (kind !== "func" || want !== signature)) {
      errors.push(`export type mismatch: ${name}, want: ${want}, but module exports: ${signature}`);
    }
    // A callback that nobody calls is a misspelt one.
    if (want === undefined && name.startsWith("proxy_")) errors.push(`unknown export: ${name}`);
  }
  if (!names.has("proxy_abi_version_0_2_1")) errors.push("missing export: proxy_abi_version_0_2_1");
  if (!names.has("malloc") && !names.has("proxy_on_memory_allocate")) errors.push("missing export: malloc");
  if (!types.exports.some((entry) => entry.name === "memory" && entry.kind === "memory"))
    errors.push("missing export: memory");
  if (types.start) errors.push("start section: it would run without a context");
  return errors;
}
