// `peer-server.ts PORT`: the gRPC service of external authorization and external processing, as short as the protocols
// allow. It reads no message and allows everything: an empty CheckResponse means OK, and a ProcessingResponse with
// empty request_headers (field 1) means to go on.

import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from "@grpc/grpc-js";

const OK = Buffer.alloc(0);
const GO_ON = Buffer.of(0x0a, 0);
const AS_IT_IS = (bytes: Buffer) => bytes;

function method(path: string, isStream: boolean) {
  const codec = { requestSerialize: AS_IT_IS, requestDeserialize: AS_IT_IS };
  const streams = { requestStream: isStream, responseStream: isStream };
  return { path, ...streams, ...codec, responseSerialize: AS_IT_IS, responseDeserialize: AS_IT_IS };
}

const server = new Server();
server.addService(
  { check: method("/envoy.service.auth.v3.Authorization/Check", false) },
  { check: (_call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => answer(null, OK) },
);
server.addService(
  { process: method("/envoy.service.ext_proc.v3.ExternalProcessor/Process", true) },
  {
    process: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on("error", () => undefined);
      call.on("data", () => call.write(GO_ON));
      call.on("end", () => call.end());
    },
  },
);
server.bindAsync(`127.0.0.1:${process.argv[2]}`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
