// The local reply of a denied request. It tells the caller a request id and nothing else; Envoy itself adds the
// content type.

import { OK, proxy_send_local_response } from "./abi";
import { ascii, lengthOf } from "./bytes";
import { beginText, put, putBytes, textLength } from "./text";

const DETAILS = ascii("vedette_denied");
const BODY_MAX: u32 = 128;
const BODY = memory.data(128, 8);

const FORBIDDEN: u32 = 403;
const NO_GRPC_STATUS: i32 = -1;
const GRPC_PERMISSION_DENIED: i32 = 7;

/** Answers the request; false if the host refused to. `id`: x-request-id, already cut to its bound; may be empty. */
export function deny(id: usize, size: u32, grpc: bool): bool {
  beginText(BODY, BODY_MAX);
  put("denied, request id ");
  if (size > 0) putBytes(id, size);
  else put("none");
  put("\n");
  const status = grpc ? GRPC_PERMISSION_DENIED : NO_GRPC_STATUS;
  return proxy_send_local_response(FORBIDDEN, DETAILS, lengthOf(DETAILS), BODY, textLength(), 0, 0, status) == OK;
}
