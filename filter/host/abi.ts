// The hostcalls of proxy-wasm ABI 0.2.1, with the types by which Envoy 1.40 links them: another arity is refused at
// load. Only what the filter uses is declared, so the import list of the module is this file. Each answers with a
// status.

@external("env", "proxy_log")
export declare function proxy_log(level: u32, text: usize, size: u32): u32;
@external("env", "proxy_set_tick_period_milliseconds")
export declare function proxy_set_tick_period_milliseconds(ms: u32): u32;
@external("env", "proxy_get_current_time_nanoseconds")
export declare function proxy_get_current_time_nanoseconds(to: usize): u32;
@external("env", "proxy_get_buffer_bytes")
export declare function proxy_get_buffer_bytes(kind: u32, start: u32, size: u32, data: usize, length: usize): u32;
@external("env", "proxy_get_header_map_pairs")
export declare function proxy_get_header_map_pairs(kind: u32, data: usize, length: usize): u32;
@external("env", "proxy_get_property")
export declare function proxy_get_property(path: usize, size: u32, data: usize, length: usize): u32;
@external("env", "proxy_set_property")
export declare function proxy_set_property(path: usize, size: u32, value: usize, length: u32): u32;
@external("env", "proxy_get_shared_data")
export declare function proxy_get_shared_data(key: usize, size: u32, data: usize, length: usize, cas: usize): u32;
@external("env", "proxy_set_shared_data")
export declare function proxy_set_shared_data(key: usize, size: u32, value: usize, length: u32, cas: u32): u32;
@external("env", "proxy_register_shared_queue")
export declare function proxy_register_shared_queue(name: usize, size: u32, token: usize): u32;
@external("env", "proxy_resolve_shared_queue")
export declare function proxy_resolve_shared_queue(
  vm: usize, vmSize: u32, name: usize, size: u32, token: usize): u32;
@external("env", "proxy_enqueue_shared_queue")
export declare function proxy_enqueue_shared_queue(token: u32, data: usize, size: u32): u32;
@external("env", "proxy_dequeue_shared_queue")
export declare function proxy_dequeue_shared_queue(token: u32, data: usize, length: usize): u32;
@external("env", "proxy_send_local_response")
export declare function proxy_send_local_response(
  code: u32, details: usize, detailsSize: u32, body: usize, bodySize: u32,
  headers: usize, headersSize: u32, grpcStatus: i32): u32;
@external("env", "proxy_grpc_stream")
export declare function proxy_grpc_stream(
  service: usize, serviceSize: u32, name: usize, nameSize: u32, method: usize, methodSize: u32,
  metadata: usize, metadataSize: u32, token: usize): u32;
@external("env", "proxy_grpc_send")
export declare function proxy_grpc_send(token: u32, message: usize, size: u32, end: u32): u32;
@external("env", "proxy_grpc_close")
export declare function proxy_grpc_close(token: u32): u32;
@external("env", "proxy_grpc_cancel")
export declare function proxy_grpc_cancel(token: u32): u32;
@external("env", "proxy_define_metric")
export declare function proxy_define_metric(kind: u32, name: usize, size: u32, id: usize): u32;
@external("env", "proxy_increment_metric")
export declare function proxy_increment_metric(id: u32, by: i64): u32;
@external("env", "proxy_record_metric")
export declare function proxy_record_metric(id: u32, value: u64): u32;
@external("env", "proxy_call_foreign_function")
export declare function proxy_call_foreign_function(
  name: usize, size: u32, argument: usize, argumentSize: u32, data: usize, length: usize): u32;

@external("wasi_snapshot_preview1", "clock_time_get")
export declare function clock_time_get(clock: u32, precision: u64, to: usize): u32;
@external("wasi_snapshot_preview1", "random_get")
export declare function random_get(to: usize, size: u32): u32;

export const OK: u32 = 0;
export const NOT_FOUND: u32 = 1;

/** Buffers of proxy_get_buffer_bytes. */
export const BUFFER_GRPC: u32 = 5;
export const BUFFER_PLUGIN_CONFIGURATION: u32 = 7;
