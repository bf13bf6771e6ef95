// gRPC streams. The cluster goes as a serialized GrpcService with a target, always: bytes that parse as one without
// a target would end the Envoy process. Tokens belong to the root context that opened them.

import { writeBegin, writeBytes, writeClose, writeEnd, writeOpen } from "../core/write";
import { OK, proxy_grpc_cancel, proxy_grpc_close, proxy_grpc_send, proxy_grpc_stream } from "./abi";
import { ascii, lengthOf } from "./bytes";
import { expectResult, RESULT_NUMBER, resultNumber } from "./memory";

const SERVICE = ascii("vedette.v1.SidecarService");
const METHOD = ascii("Connect");
/** envoy_grpc (1): cluster_name (1), authority (2), at most 256 bytes each. */
const TARGET_BYTES: i32 = 640;
const TARGET = memory.data(TARGET_BYTES, 8);

/** Opens the stream; its token, or 0. Neither text may be empty. */
export function openStream(cluster: usize, clusterLength: u32, authority: usize, authorityLength: u32): u32 {
  if (clusterLength == 0 || authorityLength == 0) return 0;
  writeBegin(TARGET, TARGET_BYTES);
  const envoy = writeOpen(1);
  writeBytes(1, cluster, clusterLength);
  writeBytes(2, authority, authorityLength);
  writeClose(envoy);
  const size = writeEnd();
  if (size <= 0) return 0;
  expectResult();
  const status = proxy_grpc_stream(
    TARGET,
    size,
    SERVICE,
    lengthOf(SERVICE),
    METHOD,
    lengthOf(METHOD),
    0,
    0,
    RESULT_NUMBER,
  );
  return status == OK ? resultNumber() : 0;
}

export function sendMessage(token: u32, message: usize, size: u32): bool {
  return proxy_grpc_send(token, message, size, 0) == OK;
}

/** Ends our side; after the other side has ended it also frees what the host keeps of the stream. */
export function closeStream(token: u32): void {
  proxy_grpc_close(token);
}

/** Breaks the stream off. */
export function cancelStream(token: u32): void {
  proxy_grpc_cancel(token);
}
