// What the filter may do to Envoy and what Envoy may call in it: the allow-list for `capability_restriction_config`.
// Exactly the filter's imports and callbacks, which a test compares with the module: no HTTP calls, no files, no
// environment.

/** Host functions that the filter imports, WASI's under their own names. */
export const HOSTCALLS: readonly string[] = [
  "clock_time_get",
  "proxy_call_foreign_function",
  "proxy_define_metric",
  "proxy_dequeue_shared_queue",
  "proxy_enqueue_shared_queue",
  "proxy_get_buffer_bytes",
  "proxy_get_current_time_nanoseconds",
  "proxy_get_header_map_pairs",
  "proxy_get_property",
  "proxy_get_shared_data",
  "proxy_grpc_cancel",
  "proxy_grpc_close",
  "proxy_grpc_send",
  "proxy_grpc_stream",
  "proxy_increment_metric",
  "proxy_log",
  "proxy_record_metric",
  "proxy_register_shared_queue",
  "proxy_resolve_shared_queue",
  "proxy_send_local_response",
  "proxy_set_property",
  "proxy_set_shared_data",
  "proxy_set_tick_period_milliseconds",
  "random_get",
];

/** Callbacks that the filter exports. */
export const CALLBACKS: readonly string[] = [
  "proxy_on_configure",
  "proxy_on_done",
  "proxy_on_grpc_close",
  "proxy_on_grpc_receive",
  "proxy_on_log",
  "proxy_on_queue_ready",
  "proxy_on_request_headers",
  "proxy_on_tick",
];

/** As Envoy's `CapabilityRestrictionConfig` wants it. */
export function capabilityRestriction(): { allowed_capabilities: Record<string, object> } {
  const names = [...HOSTCALLS, ...CALLBACKS].sort();
  return { allowed_capabilities: Object.fromEntries(names.map((name) => [name, {}])) };
}
